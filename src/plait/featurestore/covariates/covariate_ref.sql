-- One row: a covariate that a row has, with FeatureExtraction's name for it, in order of the id. `temporal` tells the
-- covariates of windows with a time_id, whose analyses have numbers that others have too.
WITH covariate AS (
    SELECT DISTINCT
        covariate_id,
        time_id IS NOT NULL AS temporal
    FROM covariate_value
),

analysis AS (
    SELECT
        * EXCLUDE (time_id, start_day, end_day),
        CASE
            WHEN temporal THEN ''
            WHEN start_day IS NULL THEN ' any time prior through ' || end_day || ' days relative to index'
            ELSE ' during day ' || start_day || ' through ' || end_day || ' days relative to index'
        END AS span,
        CASE WHEN temporal THEN '' ELSE ' during day ' || start_day || ' through ' || end_day || ' concept_count relative to index' END AS count_span
    FROM covariate_analysis
    WHERE NOT temporal OR time_id = 1
),

coded AS (
    SELECT
        c.covariate_id,
        a.*,
        (c.covariate_id - a.analysis_id) // 1000 AS code,
        p.pairs,
        p.other_concept_id,
        CASE
            WHEN p.concept_id IS NOT NULL THEN p.concept_id
            WHEN a.kind IN ('concept', 'inpatient', 'group', 'count_by_concept', 'gender', 'race', 'ethnicity') THEN (c.covariate_id - a.analysis_id) // 1000
            ELSE 0
        END AS concept_id
    FROM covariate AS c
    INNER JOIN analysis AS a ON (c.covariate_id % 1000 + 1000) % 1000 = a.analysis_id AND c.temporal = a.temporal
    LEFT JOIN (
        SELECT
            kind,
            table_name,
            code,
            count(*) AS pairs,
            min(concept_id) AS concept_id,
            min(other_concept_id) AS other_concept_id
        FROM covariate_code
        GROUP BY ALL
    ) AS p ON a.kind = p.kind AND a.table_name = p.table_name AND c.covariate_id - a.analysis_id = p.code
),

named AS (
    SELECT
        c.*,
        coalesce(n.concept_name, 'Unknown concept') AS concept_name,
        coalesce(o.concept_name, 'Unknown concept') AS other_name,
        coalesce(CASE WHEN o.concept_id != 0 THEN o.concept_name END, 'Unknown unit') AS unit_name
    FROM coded AS c
    LEFT JOIN cdm.concept AS n ON c.concept_id = n.concept_id
    LEFT JOIN cdm.concept AS o ON c.other_concept_id = o.concept_id
)

SELECT
    covariate_id,
    temporal,
    CASE
        WHEN kind = 'concept' THEN table_name || span || ': ' || concept_name
        WHEN kind = 'inpatient' THEN table_name || span || ': ' || concept_name || ' (inpatient)'
        WHEN kind = 'group' AND temporal THEN table_name || ' group: ' || concept_name
        WHEN kind = 'group' THEN table_name || ' group (' || analysis_name || ')' || span || ': ' || concept_name
        WHEN kind = 'value' THEN table_name || ' value' || replace(span, ' any time', ' during any time') || ': ' || concept_name || ' (' || unit_name || ')'
        WHEN kind = 'range'
            THEN 'measurement ' || CASE other_concept_id WHEN 1 THEN 'below' WHEN 2 THEN 'within' ELSE 'above' END || ' normal range'
            || replace(span, ' any time', ' during any time') || ': ' || concept_name
        WHEN kind = 'value_concept' THEN table_name || span || ': ' || concept_name || ' = ' || other_name
        WHEN kind = 'distinct' THEN table_name || ' distinct concept count' || count_span
        WHEN kind = 'count' THEN table_name || ' concept count' || count_span
        WHEN kind = 'count_by_concept' THEN table_name || ' concept count' || count_span || ': ' || concept_name
        WHEN kind IN ('gender', 'race', 'ethnicity') THEN label || concept_name
        WHEN kind = 'age_group' THEN label || lpad(CAST(5 * code AS VARCHAR), 3, ' ') || ' - ' || lpad(CAST(5 * code + 4 AS VARCHAR), 3, ' ')
        WHEN kind IN ('index_year', 'index_month', 'index_year_month', 'care_site') THEN label || code
        ELSE label
    END AS covariate_name,
    analysis_id,
    CAST(concept_id AS BIGINT) AS concept_id,
    CASE WHEN kind = 'value_concept' THEN other_concept_id END AS value_as_concept_id,
    CASE WHEN kind = 'value' THEN other_concept_id END AS unit_concept_id,
    CASE WHEN kind = 'value_concept' THEN pairs - 1 END AS collisions
FROM named
ORDER BY covariate_id, temporal
