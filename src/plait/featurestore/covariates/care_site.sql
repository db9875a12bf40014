-- Rows more in covariate_value, one row: where the person is on the index date: the care site of the visit's detail, else
-- of the visit, else of the person. Of several that ends first which comes first; then the least number, where OHDSI takes any.
INSERT INTO covariate_value BY NAME
WITH place AS (
    SELECT
        r.row_id,
        d.end_day AS detail_end,
        v.end_day AS visit_end,
        coalesce(d.care_site_id, v.care_site_id, CAST(p.care_site_id AS BIGINT)) AS care_site_id
    FROM covariate_row AS r
    INNER JOIN cdm.person AS p ON r.person_id = p.person_id
    LEFT JOIN covariate_visit AS v ON r.row_id = v.row_id AND v.start_day <= 0 AND v.end_day >= 0
    LEFT JOIN covariate_visit_detail AS d ON r.row_id = d.row_id AND d.start_day <= 0 AND d.end_day >= 0
    WHERE coalesce(d.care_site_id, v.care_site_id, p.care_site_id) IS NOT NULL
),

first_place AS (
    SELECT
        row_id,
        care_site_id
    FROM place
    QUALIFY row_number() OVER (PARTITION BY row_id ORDER BY detail_end NULLS LAST, visit_end NULLS LAST, care_site_id) = 1
)

SELECT
    f.row_id,
    f.care_site_id * 1000 + a.analysis_id AS covariate_id,
    NULL AS time_id,
    1 AS covariate_value
FROM first_place AS f
INNER JOIN covariate_analysis AS a ON a.kind = 'care_site';
