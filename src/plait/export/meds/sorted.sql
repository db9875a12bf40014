-- One row: an event, in the order of persons and times, what is always true of a person first. A row of the CDM has one event in a place, and a vector
-- a number of its own, which is added where there are some: the order is total, and the same events give the same bytes.
SELECT * EXCLUDE (place)
FROM unsorted_event
ORDER BY subject_id, time NULLS FIRST, place, row_id
