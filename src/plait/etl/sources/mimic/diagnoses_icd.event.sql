-- One row: a diagnosis that was billed for an admission. It is of the admission's time and has none of its own; it was coded, and is
-- known, after the discharge.
SELECT
    d._pointer,
    d.subject_id AS person,
    d.hadm_id AS visit,
    a.admittime AS start,
    a.dischtime AS known_time,
    CASE d.icd_version WHEN '9' THEN plait_icd9(d.icd_code) ELSE plait_icd10(d.icd_code) END AS code,
    CASE d.icd_version WHEN '9' THEN 'ICD9CM' ELSE 'ICD10CM' END AS code_system,
    trim(d.icd_code) AS source_value,
    n.long_title AS display,
    'Condition' AS domain,
    CASE WHEN d.seq_num = '1' THEN 'primary' ELSE 'secondary' END AS status,
    'mimic:diagnosis' AS status_system,
    'ehr_billing' AS type
FROM diagnoses_icd AS d
LEFT JOIN (
    SELECT
        hadm_id,
        min(admittime) AS admittime,
        max(dischtime) AS dischtime
    FROM admissions
    GROUP BY hadm_id
) AS a ON d.hadm_id = a.hadm_id
LEFT JOIN (SELECT icd_code, icd_version, min(long_title) AS long_title FROM d_icd_diagnoses GROUP BY icd_code, icd_version) AS n
    ON d.icd_code = n.icd_code AND d.icd_version = n.icd_version
