-- One row: that something of a person was not done or has no value, when it would have been, when that was known (never before), and why.
SELECT
    absence_id AS row_id,
    person_id,
    concept_id,
    domain_id,
    absence_datetime AS event_time,
    greatest(absence_datetime, known_time) AS known_time,
    reason
FROM plait.absence
