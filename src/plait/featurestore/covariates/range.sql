-- Rows more in covariate_value, one row: a measurement below (1), within (2) or above (3) its normal range in a window.
CREATE OR REPLACE TEMP TABLE covariate_range AS
SELECT
    row_id,
    concept_id,
    range_group,
    start_day
FROM covariate_event
WHERE concept_id != 0 AND range_group IS NOT NULL
GROUP BY ALL;

INSERT INTO covariate_value BY NAME
SELECT
    e.row_id,
    e.concept_id * 10000 + e.range_group * 1000 + a.analysis_id AS covariate_id,
    a.time_id,
    1 AS covariate_value,
    max(e.start_day) AS last_day
FROM covariate_range AS e
INNER JOIN covariate_analysis AS a
    ON a.kind = $kind AND a.table_name = $table AND e.start_day <= a.end_day AND (a.start_day IS NULL OR e.start_day >= a.start_day)
GROUP BY ALL;

INSERT INTO covariate_code
SELECT DISTINCT
    $kind,
    $table,
    concept_id * 10000 + range_group * 1000 AS code,
    concept_id,
    range_group AS other_concept_id
FROM covariate_range;
