-- One row: an admission to the hospital.
SELECT
    a._pointer,
    a.subject_id AS person,
    a.hadm_id AS visit,
    a.admittime AS start,
    a.dischtime AS "end",
    a.admission_type AS code,
    'mimic:admission_type' AS code_system,
    a.admit_provider_id AS provider,
    a.admission_location AS admitted_from,
    'mimic:location' AS admitted_from_system,
    a.discharge_location AS discharged_to,
    'mimic:location' AS discharged_to_system,
    'ehr' AS type
FROM admissions AS a
