-- One row: a name by which a reference may point to a resource, and the resource's key; of a patient, its identifier in the
-- source's person system, or that of the patient who replaces it. A name that is of several resources points to none.
WITH name AS (
    FROM read_parquet($names)
),

own AS (
    SELECT
        key,
        coalesce(min(value) FILTER (system = $system), key) AS identifier
    FROM name
    WHERE target = 'person'
    GROUP BY key
),

replaced AS (
    SELECT
        alias,
        min(key) AS key
    FROM name
    WHERE target = 'replaced'
    GROUP BY alias
    HAVING count(DISTINCT key) = 1
),

person AS (
    SELECT
        o.key,
        coalesce(n.identifier, o.identifier) AS identifier
    FROM own AS o
    LEFT JOIN replaced AS r ON o.key = r.alias
    LEFT JOIN own AS n ON r.key = n.key
),

direct AS (
    SELECT
        n.target,
        n.alias,
        CASE WHEN n.target = 'person' THEN p.identifier ELSE n.key END AS key
    FROM name AS n
    LEFT JOIN person AS p ON n.target = 'person' AND n.key = p.key
    WHERE n.target != 'replaced'
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
