-- One row: a stay in intensive care; wards that follow one another without a break are one stay.
SELECT
    s._pointer,
    s.subject_id AS person,
    'icu:' || s.stay_id AS visit,
    s.intime AS start,
    s.outtime AS "end",
    'ICU' AS code,
    'mimic:eventtype' AS code_system,
    coalesce(s.first_careunit, s.last_careunit) AS kind,
    'mimic:careunit' AS kind_system,
    coalesce(s.first_careunit, s.last_careunit) AS display,
    'ehr' AS type
FROM icustays AS s
