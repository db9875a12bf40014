-- One row: how much a drain or the bladder gave.
SELECT
    o._pointer,
    o.subject_id AS person,
    'icu:' || o.stay_id AS visit,
    'caregiver:' || o.caregiver_id AS provider,
    o.charttime AS start,
    o.storetime AS known_time,
    o.itemid AS code,
    'mimic:itemid' AS code_system,
    i.label AS display,
    'Measurement' AS domain,
    o.value AS value_text,
    o.value AS value_number,
    trim(o.valueuom) AS unit,
    'ehr' AS type
FROM outputevents AS o
LEFT JOIN (SELECT itemid, min(label) AS label FROM d_items GROUP BY itemid) AS i ON o.itemid = i.itemid
