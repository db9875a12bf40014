-- One row: a name by which a reference may point to a resource, and the resource's key; of a patient, its identifier in the
-- source's person system. A name that is of several resources points to none.
WITH name AS (
    FROM read_parquet($names)
),

person AS (
    SELECT
        key,
        coalesce(min(value) FILTER (system = $system), key) AS identifier
    FROM name
    WHERE target = 'person'
    GROUP BY key
),

direct AS (
    SELECT
        n.target,
        n.alias,
        CASE WHEN n.target = 'person' THEN p.identifier ELSE n.key END AS key
    FROM name AS n
    LEFT JOIN person AS p ON n.target = 'person' AND n.key = p.key
),

followed AS (
    SELECT
        d.target,
        d.alias,
        coalesce(f.key, d.key) AS key
    FROM direct AS d
    LEFT JOIN (
        SELECT target, alias, min(key) AS key FROM direct WHERE target = 'provider' GROUP BY target, alias HAVING count(DISTINCT key) = 1
    ) AS f ON d.target = f.target AND d.key = f.alias
)

SELECT
    target,
    alias,
    min(key) AS key
FROM followed
GROUP BY target, alias
HAVING count(DISTINCT key) = 1 AND min(key) != alias;
