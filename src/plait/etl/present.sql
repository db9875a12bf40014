-- present, one row: an identifier of a person whom some file brings now.
CREATE OR REPLACE TABLE present AS
SELECT DISTINCT
    system,
    identifier,
    person_id
FROM crosswalk
WHERE person_id IN (
    SELECT k.person_id
    FROM staged_persons AS p
    INNER JOIN crosswalk AS k ON p.system = k.system AND p.person = k.identifier
    WHERE p.reject IS NULL AND p."ignore" IS NULL
);
