-- One row: the death of a patient: at its time since the anchor, else so many months after the diagnosis.
SELECT
    p._pointer,
    p.PATIENT_ID AS person,
    concat(coalesce(TRY_CAST(p.DEATH_MONTHS AS DOUBLE), coalesce(s.diagnosis_months, 0) + TRY_CAST(p.OS_MONTHS AS DOUBLE)), ' months') AS start,
    'registry' AS type,
    CASE WHEN p.OS_STATUS IS NULL OR NOT contains(upper(p.OS_STATUS), 'DECEASED') THEN 'alive' END AS _ignore
FROM patient AS p
LEFT JOIN (
    SELECT
        PATIENT_ID,
        min(TRY_CAST(DIAGNOSIS_MONTHS AS DOUBLE)) AS diagnosis_months
    FROM sample
    GROUP BY PATIENT_ID
) AS s ON p.PATIENT_ID = s.PATIENT_ID
