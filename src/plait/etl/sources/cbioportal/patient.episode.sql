-- One row: a phase of a patient's disease: its first occurrence at the diagnosis (part 0), and metastasis (part 1).
WITH diagnosis AS (
    SELECT
        PATIENT_ID,
        min(TRY_CAST(DIAGNOSIS_MONTHS AS DOUBLE)) AS months,
        min(ONCOTREE_CODE) AS disease
    FROM sample
    GROUP BY PATIENT_ID
)

SELECT
    p._pointer,
    0 AS _part,
    p.PATIENT_ID AS person,
    concat(p.PATIENT_ID, '/diagnosis') AS episode,
    concat(coalesce(d.months, 0), ' months') AS start,
    'diagnosis' AS code,
    'CBIOPORTAL_EPISODE' AS code_system,
    d.disease AS object,
    'ONCOTREE' AS object_system,
    NULL AS parent,
    'registry' AS type
FROM patient AS p
LEFT JOIN diagnosis AS d ON p.PATIENT_ID = d.PATIENT_ID
UNION ALL
SELECT
    p._pointer,
    1,
    p.PATIENT_ID,
    concat(p.PATIENT_ID, '/metastasis'),
    concat(p.METASTASIS_MONTHS, ' months'),
    'metastasis',
    'CBIOPORTAL_EPISODE',
    d.disease,
    'ONCOTREE',
    concat(p.PATIENT_ID, '/diagnosis'),
    'registry'
FROM patient AS p
LEFT JOIN diagnosis AS d ON p.PATIENT_ID = d.PATIENT_ID
WHERE p.METASTASIS_MONTHS IS NOT NULL
