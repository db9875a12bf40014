-- One row: a covariate with numbers for values, and its distribution over $rows index rows, as FeatureExtraction sums it up:
-- where a missing value means 0, such rows count in the mean, the least value and the quantiles, and not in the standard
-- deviation. A quantile is the least value that so many are not above. Sums are in the order of rows, so that they repeat.
WITH value AS (
    SELECT
        v.covariate_id,
        v.time_id,
        v.row_id,
        v.covariate_value AS value,
        a.missing_means_zero = 'Y' AS is_zero
    FROM covariate_values AS v
    INNER JOIN analyses AS a
        ON (v.covariate_id % 1000 + 1000) % 1000 = a.analysis_id AND (v.time_id IS NOT NULL) = a.temporal AND a.is_binary = 'N'
),

overall AS (
    SELECT
        covariate_id,
        time_id,
        any_value(is_zero) AS is_zero,
        count(*) AS count_value,
        min(value) AS least,
        max(value) AS max_value,
        sum(value ORDER BY row_id, value) AS total,
        sum(value * value ORDER BY row_id, value) AS squares,
        CASE WHEN any_value(is_zero) THEN CAST($rows AS BIGINT) ELSE count(*) END AS population
    FROM value
    GROUP BY covariate_id, time_id
),

reached AS (
    SELECT
        v.covariate_id,
        v.time_id,
        v.value,
        count(*) OVER (PARTITION BY v.covariate_id, v.time_id ORDER BY v.value RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        + o.population - o.count_value AS accumulated
    FROM value AS v
    INNER JOIN overall AS o ON v.covariate_id = o.covariate_id AND (v.time_id IS NOT DISTINCT FROM o.time_id)
),

quantile AS (
    SELECT
        o.covariate_id,
        o.time_id,
        q.share,
        CASE WHEN q.share * o.population < o.population - o.count_value THEN 0 ELSE min(r.value) FILTER (r.accumulated >= q.share * o.population) END AS value
    FROM overall AS o
    INNER JOIN reached AS r ON o.covariate_id = r.covariate_id AND (o.time_id IS NOT DISTINCT FROM r.time_id)
    CROSS JOIN (SELECT unnest([0.10, 0.25, 0.50, 0.75, 0.90]) AS share) AS q
    GROUP BY o.covariate_id, o.time_id, q.share, o.population, o.count_value
)

SELECT
    o.covariate_id,
    o.time_id,
    o.count_value,
    CASE WHEN o.count_value = o.population THEN o.least ELSE 0 END AS min_value,
    o.max_value,
    o.total / o.population AS average_value,
    CASE
        WHEN o.count_value > 1 THEN sqrt(greatest(o.count_value * o.squares - o.total * o.total, 0) / (o.count_value * (o.count_value - 1.0)))
        WHEN o.is_zero THEN 0
    END AS standard_deviation,
    any_value(q.value) FILTER (q.share = 0.50) AS median_value,
    any_value(q.value) FILTER (q.share = 0.10) AS p10_value,
    any_value(q.value) FILTER (q.share = 0.25) AS p25_value,
    any_value(q.value) FILTER (q.share = 0.75) AS p75_value,
    any_value(q.value) FILTER (q.share = 0.90) AS p90_value
FROM overall AS o
INNER JOIN quantile AS q ON o.covariate_id = q.covariate_id AND (o.time_id IS NOT DISTINCT FROM q.time_id)
GROUP BY ALL
ORDER BY o.covariate_id, o.time_id
