-- One row: a procedure that was billed for an admission; it was coded, and is known, after the discharge.
SELECT
    p._pointer,
    p.subject_id AS person,
    p.hadm_id AS visit,
    coalesce(p.chartdate, a.admittime) AS start,
    a.dischtime AS known_time,
    CASE p.icd_version WHEN '9' THEN plait_icd9_procedure(p.icd_code) ELSE trim(p.icd_code) END AS code,
    CASE p.icd_version WHEN '9' THEN 'ICD9Proc' ELSE 'ICD10PCS' END AS code_system,
    trim(p.icd_code) AS source_value,
    n.long_title AS display,
    'Procedure' AS domain,
    'ehr_billing' AS type
FROM procedures_icd AS p
LEFT JOIN (
    SELECT
        hadm_id,
        min(admittime) AS admittime,
        max(dischtime) AS dischtime
    FROM admissions
    GROUP BY hadm_id
) AS a ON p.hadm_id = a.hadm_id
LEFT JOIN (SELECT icd_code, icd_version, min(long_title) AS long_title FROM d_icd_procedures GROUP BY icd_code, icd_version) AS n
    ON p.icd_code = n.icd_code AND p.icd_version = n.icd_version
