-- adopted_ref, one row: a row of a person that another one may point at, by the id that it had in its source.
CREATE OR REPLACE TEMP TABLE adopted_ref AS
SELECT
    table_name,
    system,
    person_id,
    own_id,
    arg_min(new_table_name, fan) AS new_table_name,
    arg_min(row_id, fan) AS row_id
FROM adopted_id
GROUP BY table_name, system, person_id, own_id
UNION ALL
SELECT
    'person',
    system,
    person_id,
    TRY_CAST(identifier AS BIGINT),
    'person',
    person_id AS row_id
FROM crosswalk
WHERE TRY_CAST(identifier AS BIGINT) IS NOT NULL;
