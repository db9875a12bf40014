-- One row: the disease that a sample is of (part 0), found at the diagnosis, once for all samples of the patient that
-- agree; or an attribute of the sample, found when it was taken.
WITH sampled AS (
    SELECT
        *,
        concat(coalesce(TRY_CAST(DIAGNOSIS_MONTHS AS DOUBLE), 0), ' months') AS diagnosed,
        concat(coalesce(TRY_CAST(COLLECTION_MONTHS AS DOUBLE), TRY_CAST(DIAGNOSIS_MONTHS AS DOUBLE), 0), ' months') AS taken
    FROM sample
),

attribute AS (
    SELECT
        s._pointer,
        s.PATIENT_ID,
        s.taken,
        unnest(json_keys(to_json(s))) AS attribute_name,
        to_json(s) AS record
    FROM (SELECT * FROM sampled) AS s
),

valued AS (
    SELECT
        a._pointer,
        a.PATIENT_ID,
        a.taken,
        a.attribute_name,
        json_extract_string(a.record, a.attribute_name) AS value
    FROM attribute AS a
    WHERE a.attribute_name NOT IN ('_pointer', 'PATIENT_ID', 'SAMPLE_ID', 'diagnosed', 'taken')
)

SELECT
    s._pointer,
    0 AS _part,
    s.PATIENT_ID AS person,
    s.diagnosed AS start,
    s.ONCOTREE_CODE AS code,
    'ONCOTREE' AS code_system,
    s.CANCER_TYPE_DETAILED AS display,
    'Condition' AS domain,
    NULL AS value_text,
    NULL AS value_number,
    NULL AS value_code,
    NULL AS value_system,
    concat(s.PATIENT_ID, '/diagnosis') AS episode,
    'registry' AS type,
    concat(s.ONCOTREE_CODE, ' ', s.diagnosed) AS _merge_key,
    CASE WHEN s.ONCOTREE_CODE IS NULL THEN 'no_value' END AS _ignore
FROM sampled AS s
UNION ALL
SELECT
    v._pointer,
    row_number() OVER (PARTITION BY v._pointer.record ORDER BY v.attribute_name),
    v.PATIENT_ID,
    v.taken,
    v.attribute_name AS code,
    'CBIOPORTAL_ATTRIBUTE',
    v.attribute_name AS display,
    CASE WHEN regexp_matches(v.attribute_name, 'STAGE|GRADE|HER2|RECEPTOR|(^|_)(ER|PR|HR)_|TMB|MSI') THEN 'Measurement' ELSE 'Observation' END,
    v.value,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NOT NULL THEN v.value END,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NULL THEN v.value END,
    'CBIOPORTAL_VALUE',
    concat(v.PATIENT_ID, '/diagnosis'),
    'registry',
    NULL,
    CASE WHEN v.value IS NULL THEN 'no_value' END
FROM valued AS v
