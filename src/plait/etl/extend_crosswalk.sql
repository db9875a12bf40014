-- One row: a person whom the crosswalk does not know yet, with the next free id. Of one system, identifiers that are
-- numbers come in their order.
INSERT INTO crosswalk
WITH newcomer AS (
    SELECT DISTINCT
        p.system,
        p.person AS identifier
    FROM read_parquet($files, hive_partitioning = FALSE) AS p
    ANTI JOIN crosswalk AS k ON p.system = k.system AND p.person = k.identifier
    WHERE p.reject IS NULL AND p."ignore" IS NULL
)

SELECT
    system,
    identifier,
    (SELECT coalesce(max(person_id), 0) FROM crosswalk) + row_number() OVER (ORDER BY system, TRY_CAST(identifier AS HUGEINT), identifier) AS person_id
FROM newcomer
