-- One row: an index row, an analysis and a window: what it means that a covariate is not there. 0 a true zero, 1 the study
-- captures no such domain in the window, 255 nobody knows. A window reaches no further back than the person's birth; one
-- without a first day asks for observation at the prediction time alone.
WITH captured AS (
    SELECT
        domain_id,
        coverage_start_date,
        coverage_end_date
    FROM covariate_coverage
),

asked AS (
    SELECT
        analysis_id,
        temporal,
        time_id,
        feature,
        domain_id,
        start_day,
        end_day,
        dense_rank() OVER (ORDER BY domain_id, start_day, end_day) AS period_id
    FROM covariate_analysis
    WHERE feature != 'person'
),

period AS (
    SELECT DISTINCT
        period_id,
        domain_id,
        start_day,
        end_day
    FROM asked
),

observed AS (
    SELECT
        row_id,
        min(start_day) AS since_day,
        max(end_day) AS until_day
    FROM covariate_observed
    GROUP BY row_id
),

lived AS (
    SELECT
        r.row_id,
        r.index_date,
        o.since_day,
        o.until_day,
        CAST(make_date(p.year_of_birth, coalesce(p.month_of_birth, 1), coalesce(p.day_of_birth, 1)) - r.index_date AS INTEGER) AS birth_day
    FROM covariate_row AS r
    LEFT JOIN cdm.person AS p ON r.person_id = p.person_id
    LEFT JOIN observed AS o ON r.row_id = o.row_id
),

looked AS (
    SELECT
        l.row_id,
        w.period_id,
        w.domain_id,
        l.index_date,
        l.since_day,
        l.until_day,
        w.end_day,
        CASE WHEN w.start_day IS NULL THEN w.end_day ELSE greatest(w.start_day, coalesce(l.birth_day, w.start_day)) END AS first_day
    FROM lived AS l
    CROSS JOIN period AS w
),

covered AS (
    SELECT
        l.row_id,
        l.period_id,
        any_value(coalesce(l.since_day <= l.first_day AND l.until_day >= l.end_day, FALSE)) AS is_observed,
        count(c.domain_id) > 0 AS is_captured,
        coalesce(
            bool_or(coalesce(c.coverage_start_date <= l.index_date + l.first_day, TRUE) AND coalesce(c.coverage_end_date >= l.index_date + l.end_day, TRUE))
                FILTER (c.domain_id IS NOT NULL),
            FALSE
        ) AS is_whole
    FROM looked AS l
    LEFT JOIN captured AS c
        ON l.domain_id = c.domain_id
        AND coalesce(c.coverage_start_date <= l.index_date + l.end_day, TRUE) AND coalesce(c.coverage_end_date >= l.index_date + l.first_day, TRUE)
    GROUP BY l.row_id, l.period_id
),

told AS (
    SELECT DISTINCT
        row_id,
        (covariate_id % 1000 + 1000) % 1000 AS analysis_id
    FROM covariate_value
    WHERE time_id IS NULL
)

SELECT
    c.row_id,
    a.analysis_id,
    a.temporal,
    a.time_id,
    CAST(
        CASE
            WHEN NOT c.is_captured AND EXISTS (FROM captured) THEN $not_captured
            WHEN a.feature != 'value' AND c.is_observed AND (c.is_whole OR NOT EXISTS (FROM captured)) THEN $observed
            ELSE $unknown
        END AS UTINYINT
    ) AS reason
FROM covered AS c
INNER JOIN asked AS a ON c.period_id = a.period_id
UNION ALL
SELECT
    r.row_id,
    a.analysis_id,
    a.temporal,
    a.time_id,
    CAST(CASE WHEN t.row_id IS NOT NULL THEN $observed ELSE $unknown END AS UTINYINT) AS reason
FROM covariate_row AS r
CROSS JOIN (FROM covariate_analysis WHERE feature = 'person') AS a
LEFT JOIN told AS t ON r.row_id = t.row_id AND a.analysis_id = t.analysis_id
ORDER BY row_id, analysis_id, temporal, time_id
