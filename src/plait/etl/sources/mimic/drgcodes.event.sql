-- One row: a diagnosis-related group that was billed for an admission, with its severity; it is known after the discharge.
SELECT
    d._pointer,
    d.subject_id AS person,
    d.hadm_id AS visit,
    a.dischtime AS start,
    d.drg_code AS code,
    'mimic:drg:' || d.drg_type AS code_system,
    d.description AS display,
    'Observation' AS domain,
    d.drg_severity AS value_text,
    d.drg_severity AS value_number,
    'ehr_billing' AS type
FROM drgcodes AS d
LEFT JOIN (SELECT hadm_id, max(dischtime) AS dischtime FROM admissions GROUP BY hadm_id) AS a ON d.hadm_id = a.hadm_id
