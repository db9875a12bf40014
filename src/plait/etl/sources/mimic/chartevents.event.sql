-- One row: what was charted in intensive care; it is known from storetime on. What is no number is an observation.
SELECT
    c._pointer,
    c.subject_id AS person,
    'icu:' || c.stay_id AS visit,
    'caregiver:' || c.caregiver_id AS provider,
    c.charttime AS start,
    c.storetime AS known_time,
    c.itemid AS code,
    'mimic:itemid' AS code_system,
    i.label AS display,
    CASE WHEN c.valuenum IS NULL AND coalesce(i.param_type, '') NOT LIKE 'Numeric%' THEN 'Observation' ELSE 'Measurement' END AS domain,
    c.value AS value_text,
    c.valuenum AS value_number,
    trim(c.valueuom) AS unit,
    CASE WHEN c.valuenum IS NOT NULL THEN i.lownormalvalue END AS range_low,
    CASE WHEN c.valuenum IS NOT NULL THEN i.highnormalvalue END AS range_high,
    'ehr' AS type
FROM chartevents AS c
LEFT JOIN (
    SELECT
        itemid,
        min(label) AS label,
        min(param_type) AS param_type,
        min(lownormalvalue) AS lownormalvalue,
        min(highnormalvalue) AS highnormalvalue
    FROM d_items
    GROUP BY itemid
) AS i ON c.itemid = i.itemid
