-- One row: the name of somebody who treated a person.
WITH treated AS (
    SELECT
        person_id,
        provider_id
    FROM cdm.visit_occurrence
    UNION
    SELECT
        person_id,
        provider_id
    FROM cdm.note
    UNION
    SELECT
        person_id,
        provider_id
    FROM cdm.person
)

SELECT DISTINCT
    t.person_id,
    p.provider_name
FROM treated AS t
INNER JOIN pseudonym AS s ON t.person_id = s.person_id
INNER JOIN cdm.provider AS p ON t.provider_id = p.provider_id
WHERE p.provider_name IS NOT NULL
