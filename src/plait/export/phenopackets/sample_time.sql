-- One row: a moment at which one specimen of a person was taken, and no other.
SELECT
    person_id,
    moment(specimen_datetime, specimen_date) AS taken,
    min(specimen_id) AS specimen_id
FROM leaving_specimen
GROUP BY person_id, moment(specimen_datetime, specimen_date)
HAVING count(*) = 1
