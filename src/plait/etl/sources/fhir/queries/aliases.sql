-- One row: a name by which a reference may point to a resource, and the resource's key; of a patient, its identifier in the
-- source's person system, or that of the patient who replaces it in the end. A name that is of several resources points to
-- none; what a version says of which a newer one is there does not count.
WITH RECURSIVE newest AS (
    SELECT
        type,
        own_key,
        max(updated) AS updated
    FROM read_parquet($names, hive_partitioning = FALSE)
    GROUP BY ALL
    HAVING count(DISTINCT updated) > 1
),

name AS (
    SELECT n.*
    FROM read_parquet($names, hive_partitioning = FALSE) AS n
    LEFT JOIN newest AS v ON n.type = v.type AND n.own_key = v.own_key
    WHERE coalesce(n.updated >= v.updated, TRUE)
),

own AS (
    SELECT
        key,
        coalesce(min(value) FILTER (system = $system), key) AS identifier
    FROM name
    WHERE target = 'person'
    GROUP BY key
),

patient AS (
    SELECT
        alias,
        min(key) AS key
    FROM name
    WHERE target = 'person'
    GROUP BY alias
    HAVING count(DISTINCT key) = 1
),

replaced AS (
    SELECT
        n.alias,
        min(p.key) AS key
    FROM name AS n
    INNER JOIN patient AS p ON n.key = p.alias
    WHERE n.target = 'replaced'
    GROUP BY n.alias
    HAVING count(DISTINCT p.key) = 1
),

chain AS (
    SELECT
        alias,
        key,
        1 AS steps
    FROM replaced
    UNION ALL
    SELECT
        c.alias,
        r.key,
        c.steps + 1
    FROM chain AS c
    INNER JOIN replaced AS r ON c.key = r.alias
    WHERE c.steps < 16
),

survivor AS (
    SELECT
        alias,
        arg_max(key, steps) AS key
    FROM chain
    GROUP BY alias
),

person AS (
    SELECT
        o.key,
        coalesce(n.identifier, o.identifier) AS identifier
    FROM own AS o
    LEFT JOIN survivor AS r ON o.key = r.alias
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
