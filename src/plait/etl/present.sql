-- present, one row: a person whom some file brings now.
CREATE OR REPLACE TABLE present AS
SELECT DISTINCT
    k.system,
    k.identifier,
    k.person_id
FROM staged_persons AS p
INNER JOIN crosswalk AS k ON p.system = k.system AND p.person = k.identifier
WHERE p.reject IS NULL AND p."ignore" IS NULL;
