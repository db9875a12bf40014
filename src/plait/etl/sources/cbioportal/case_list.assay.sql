-- One row: a sample that was sequenced, whether anything was found in it or not; the study's other lists say nothing new.
SELECT
    c._pointer,
    s.PATIENT_ID AS person,
    c.sample AS specimen,
    c.sample AS item,
    concat(o.source, '.mutations') AS assay,
    p.panel,
    'registry' AS type,
    CASE WHEN coalesce(c.category, '') != 'all_cases_with_mutation_data' THEN 'other_case_list' END AS _ignore,
    CASE WHEN s.SAMPLE_ID IS NULL AND c.category = 'all_cases_with_mutation_data' THEN 'unknown_specimen' END AS _reject
FROM case_list AS c
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON c.sample = s.SAMPLE_ID
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(mutations) AS panel
    FROM panel_matrix
    GROUP BY SAMPLE_ID
) AS p ON c.sample = p.SAMPLE_ID
