-- One row: a date that was charted in intensive care, such as that of the last dialysis.
SELECT
    d._pointer,
    d.subject_id AS person,
    'icu:' || d.stay_id AS visit,
    'caregiver:' || d.caregiver_id AS provider,
    d.charttime AS start,
    d.storetime AS known_time,
    d.itemid AS code,
    'mimic:itemid' AS code_system,
    i.label AS display,
    'Observation' AS domain,
    d.value AS value_text,
    'ehr' AS type
FROM datetimeevents AS d
LEFT JOIN (SELECT itemid, min(label) AS label FROM d_items GROUP BY itemid) AS i ON d.itemid = i.itemid
