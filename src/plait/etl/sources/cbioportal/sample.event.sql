-- One row: the disease that a sample is of (part 0), found at the diagnosis, once for all samples of the patient that
-- agree; or an attribute of the sample, found when it was taken, but for those of the primary tumour and of the
-- diagnosis, which are found then, and once likewise.
WITH dated AS (
    SELECT
        SAMPLE_ID,
        PATIENT_ID,
        min(TRY_CAST(START_DATE AS DOUBLE)) AS days
    FROM timeline
    WHERE upper(EVENT_TYPE) IN ('SPECIMEN', 'SAMPLE ACQUISITION')
    GROUP BY SAMPLE_ID, PATIENT_ID
),

sampled AS (
    SELECT
        s.*,
        concat(coalesce(TRY_CAST(s.DIAGNOSIS_MONTHS AS DOUBLE), 0), ' months') AS diagnosed,
        coalesce(
            TRY_CAST(s.COLLECTION_MONTHS AS DOUBLE) || ' months', d.days || ' days', coalesce(TRY_CAST(s.DIAGNOSIS_MONTHS AS DOUBLE), 0) || ' months'
        ) AS taken
    FROM sample AS s
    LEFT JOIN dated AS d ON s.SAMPLE_ID = d.SAMPLE_ID AND s.PATIENT_ID = d.PATIENT_ID
),

attribute AS (
    SELECT
        s._pointer,
        s.PATIENT_ID,
        s.taken,
        s.diagnosed,
        unnest(json_keys(to_json(s))) AS attribute_name,
        to_json(s) AS record
    FROM (SELECT * FROM sampled) AS s
),

valued AS (
    SELECT
        a._pointer,
        a.PATIENT_ID,
        a.taken,
        a.diagnosed,
        regexp_matches(a.attribute_name, '(^|_)PRIMARY(_|$)|AT_(DIAGNOSIS|DX)$') AS is_of_diagnosis,
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
    NULL AS modifies,
    'registry' AS type,
    concat(s.ONCOTREE_CODE, ' ', s.diagnosed) AS _merge_key,
    CASE WHEN s.ONCOTREE_CODE IS NULL THEN 'no_value' END AS _ignore
FROM sampled AS s
UNION ALL
SELECT
    v._pointer,
    row_number() OVER (PARTITION BY v._pointer.record ORDER BY v.attribute_name),
    v.PATIENT_ID,
    CASE WHEN v.is_of_diagnosis THEN v.diagnosed ELSE v.taken END,
    v.attribute_name AS code,
    'CBIOPORTAL_ATTRIBUTE',
    v.attribute_name AS display,
    CASE WHEN regexp_matches(v.attribute_name, 'STAGE|GRADE|HER2|RECEPTOR|(^|_)(ER|PR|HR)_|TMB|MSI') THEN 'Measurement' ELSE 'Observation' END,
    v.value,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NOT NULL THEN v.value END,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NULL THEN v.value END,
    'CBIOPORTAL_VALUE',
    concat(v.PATIENT_ID, '/diagnosis'),
    concat(v.PATIENT_ID, '/diagnosis'),
    'registry',
    CASE WHEN v.is_of_diagnosis THEN concat_ws(' ', v.attribute_name, v.value, v.diagnosed) END,
    CASE WHEN v.value IS NULL THEN 'no_value' END
FROM valued AS v
