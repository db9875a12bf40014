-- adopted_ref, one row: a row of a person that another one may point at, by the id that it had in its source.
CREATE OR REPLACE TEMP TABLE adopted_ref AS
SELECT
    table_name,
    system,
    person_id,
    own_id,
    min(row_id) AS row_id
FROM adopted_id
GROUP BY table_name, system, person_id, own_id
UNION ALL
SELECT
    'person',
    system,
    person_id,
    TRY_CAST(identifier AS BIGINT),
    person_id AS row_id
FROM crosswalk
WHERE TRY_CAST(identifier AS BIGINT) IS NOT NULL;
