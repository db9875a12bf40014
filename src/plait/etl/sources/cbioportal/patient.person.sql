-- One row: a patient, born at the anchor, or as many years before it as the patient's age at diagnosis says.
SELECT
    p._pointer,
    p.PATIENT_ID AS person,
    CASE
        WHEN o.anchor = 'birth' THEN '0 days'
        ELSE concat('-', coalesce(p.AGE, s.age), ' years')
    END AS birth,
    p.SEX AS gender,
    'CBIOPORTAL_SEX' AS gender_system,
    CASE WHEN o.anchor != 'birth' AND coalesce(p.AGE, s.age) IS NULL THEN 'missing_value' END AS _reject
FROM patient AS p
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        PATIENT_ID,
        min(DIAGNOSIS_AGE) AS age
    FROM sample
    GROUP BY PATIENT_ID
) AS s ON p.PATIENT_ID = s.PATIENT_ID
