-- One row: a measurement in a unit of two groups of rows or more, and the group whose values lie most otherwise than those of all groups together,
-- by the population stability index over the deciles of all: see `values.sql`. A group, as a source or a site is, has 100 such values or more.
WITH valued AS (
    SELECT
        group_name,
        measurement_concept_id,
        unit_concept_id,
        value_as_number,
        count(*) OVER (PARTITION BY measurement_concept_id, unit_concept_id, group_name) AS value_count
    FROM grouped_value
),

cut AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        quantile_disc(value_as_number, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) AS deciles
    FROM valued
    WHERE value_count >= 100
    GROUP BY ALL
    HAVING count(DISTINCT group_name) > 1
),

placed AS (
    SELECT
        v.measurement_concept_id,
        v.unit_concept_id,
        v.group_name,
        1 + len(list_filter(c.deciles, LAMBDA d: v.value_as_number > d)) AS decile
    FROM valued AS v
    INNER JOIN cut AS c ON v.measurement_concept_id = c.measurement_concept_id AND v.unit_concept_id = c.unit_concept_id
    WHERE v.value_count >= 100
),

counted AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        group_name,
        decile,
        count(*) AS n
    FROM placed
    GROUP BY ALL
),

total AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        decile,
        sum(n) AS n,
        sum(sum(n)) OVER (PARTITION BY measurement_concept_id, unit_concept_id) AS all_count
    FROM counted
    GROUP BY measurement_concept_id, unit_concept_id, decile
),

sized AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        group_name,
        sum(n) AS value_count
    FROM counted
    GROUP BY ALL
),

pair AS (
    SELECT
        s.measurement_concept_id,
        s.unit_concept_id,
        s.group_name,
        s.value_count,
        t.all_count,
        t.n / t.all_count AS all_share,
        greatest(coalesce(c.n, 0) / s.value_count, 0.0001) AS own_share
    FROM sized AS s
    INNER JOIN total AS t ON s.measurement_concept_id = t.measurement_concept_id AND s.unit_concept_id = t.unit_concept_id
    LEFT JOIN counted AS c
        ON
            s.measurement_concept_id = c.measurement_concept_id
            AND s.unit_concept_id = c.unit_concept_id
            AND s.group_name = c.group_name
            AND t.decile = c.decile
),

compared AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        group_name,
        value_count,
        all_count,
        round(sum((own_share - all_share) * ln(own_share / all_share)), 4) AS stability_index
    FROM pair
    GROUP BY ALL
)

SELECT
    measurement_concept_id,
    unit_concept_id,
    group_name,
    value_count,
    all_count,
    stability_index
FROM compared
QUALIFY row_number() OVER (PARTITION BY measurement_concept_id, unit_concept_id ORDER BY stability_index DESC, group_name) = 1
