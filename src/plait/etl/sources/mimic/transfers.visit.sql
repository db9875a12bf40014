-- One row: a stay on one ward, or in the emergency department; that a patient was discharged is no stay.
SELECT
    t._pointer,
    t.subject_id AS person,
    'transfer:' || t.transfer_id AS visit,
    t.intime AS start,
    t.outtime AS "end",
    t.eventtype AS code,
    'mimic:eventtype' AS code_system,
    t.careunit AS kind,
    'mimic:careunit' AS kind_system,
    t.careunit AS display,
    'ehr' AS type,
    CASE WHEN t.eventtype = 'discharge' THEN 'discharged' END AS _ignore
FROM transfers AS t
