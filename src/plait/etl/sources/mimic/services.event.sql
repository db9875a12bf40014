-- One row: that a service took over a patient.
SELECT
    s._pointer,
    s.subject_id AS person,
    s.hadm_id AS visit,
    s.transfertime AS start,
    s.curr_service AS code,
    'mimic:service' AS code_system,
    'Observation' AS domain,
    'ehr' AS type
FROM services AS s
