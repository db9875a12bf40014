-- One row: a sample that was sequenced, whether anything was found in it or not; the study's other lists say nothing new.
-- What the samples of a list were looked at for is what the study has a profile of: mutations and fusions are found
-- together (cBioPortal, "Gene Panel Matrix file").
WITH profile AS (
    SELECT
        k.*,
        any_value(p.value) AS panel
    FROM (
        VALUES
        (0, 'MUTATION_EXTENDED', 'mutations', 'mutations', 'all_cases_with_mutation_data', '_sequenced'),
        (1, 'FUSION', 'fusions', 'mutations', 'all_cases_with_mutation_data', '_sequenced'),
        (2, 'STRUCTURAL_VARIANT', 'structural_variants', 'structural_variants', 'all_cases_with_sv_data', '_sv')
    ) AS k (part, type, name, panel_profile, category, suffix)
    INNER JOIN meta AS m ON m.key = 'genetic_alteration_type' AND k.type = m.value
    LEFT JOIN meta AS p ON m.meta = p.meta AND p.key = 'gene_panel'
    GROUP BY ALL
),

panel AS (
    SELECT
        p.SAMPLE_ID,
        unnest(json_keys(to_json(p))) AS profile,
        to_json(p) AS record
    FROM (SELECT * FROM panel_matrix) AS p
)

SELECT
    c._pointer,
    coalesce(f.part, 0) AS _part,
    s.PATIENT_ID AS person,
    c.sample AS specimen,
    c.sample AS item,
    concat(o.source, '.', f.name) AS assay,
    coalesce(p.panel, f.panel) AS panel,
    'registry' AS type,
    concat(f.name, '/', c.sample) AS _merge_key,
    CASE WHEN f.name IS NULL THEN 'other_case_list' END AS _ignore,
    CASE WHEN s.SAMPLE_ID IS NULL AND f.name IS NOT NULL THEN 'unknown_specimen' END AS _reject
FROM case_list AS c
CROSS JOIN options AS o
LEFT JOIN profile AS f ON c.category = f.category OR ends_with(c.list, f.suffix)
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
        profile,
        min(json_extract_string(record, profile)) AS panel
    FROM panel
    WHERE profile NOT IN ('_pointer', 'SAMPLE_ID')
    GROUP BY SAMPLE_ID, profile
) AS p ON c.sample = p.SAMPLE_ID AND f.panel_profile = p.profile
