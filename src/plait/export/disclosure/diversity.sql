-- One row: how many kinds of a sensitive field there are at least among persons who share what they may be recognised by (distinct and entropy
-- l-diversity: A. Machanavajjhala et al., 2007), and how far the kinds among such persons are from those among all (t-closeness: N. Li et al., 2007, with
-- the same distance between any two kinds). A person's kind is the set of the person's values; where all persons of a class share a value, l is 1.
WITH owned AS (
    SELECT
        e.class,
        e.person_id,
        h.held_value
    FROM equivalence AS e
    LEFT JOIN held AS h ON e.person_id = h.person_id
),

person AS (
    SELECT
        class,
        person_id,
        coalesce(string_agg(DISTINCT held_value, chr(31) ORDER BY held_value), '') AS kind
    FROM owned
    GROUP BY class, person_id
),

size AS (
    SELECT
        class,
        count(*) AS persons
    FROM person
    GROUP BY class
),

kinds AS (
    SELECT
        p.class,
        p.kind,
        count(*) / any_value(s.persons) AS share
    FROM person AS p
    INNER JOIN size AS s ON p.class = s.class
    GROUP BY p.class, p.kind
),

overall AS (
    SELECT
        kind,
        count(*) / sum(count(*)) OVER () AS share
    FROM person
    GROUP BY kind
),

common AS (
    SELECT
        class,
        max(persons) AS persons
    FROM (
        SELECT
            class,
            held_value,
            count(DISTINCT person_id) AS persons
        FROM owned
        WHERE held_value IS NOT NULL
        GROUP BY class, held_value
    )
    GROUP BY class
),

measured AS (
    SELECT
        k.class,
        any_value(s.persons) AS persons,
        CASE WHEN any_value(c.persons) = any_value(s.persons) THEN 1 ELSE count(*) END AS kinds,
        CASE WHEN any_value(c.persons) = any_value(s.persons) THEN 1 ELSE exp(-sum(k.share * ln(k.share))) END AS entropy,
        (sum(abs(k.share - o.share)) + 1 - sum(o.share)) / 2 AS distance
    FROM kinds AS k
    INNER JOIN size AS s ON k.class = s.class
    INNER JOIN overall AS o ON k.kind = o.kind
    LEFT JOIN common AS c ON k.class = c.class
    GROUP BY k.class
)

SELECT
    min(kinds) AS l,
    min(entropy) AS entropy_l,
    max(distance) AS t,
    coalesce(sum(persons) FILTER (kinds < $least), 0) AS persons_below
FROM measured
