-- One row: how many persons share what they may be recognised by with the fewest others, and how many share it with fewer than asked for.
SELECT
    min(persons) AS k,
    count(*) AS classes,
    coalesce(sum(persons) FILTER (persons < $least), 0) AS persons_below
FROM (
    SELECT
        class,
        count(*) AS persons
    FROM equivalence
    GROUP BY class
)
