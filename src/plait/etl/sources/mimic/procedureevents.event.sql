-- One row: a procedure in intensive care, from its begin to its end; one that was written anew is left out by rule.
SELECT
    p._pointer,
    p.subject_id AS person,
    'icu:' || p.stay_id AS visit,
    'caregiver:' || p.caregiver_id AS provider,
    p.starttime AS start,
    p.endtime AS "end",
    p.storetime AS known_time,
    p.itemid AS code,
    'mimic:itemid' AS code_system,
    i.label AS display,
    'Procedure' AS domain,
    p.location AS modifier,
    'mimic:location_of_procedure' AS modifier_system,
    'ehr' AS type,
    CASE WHEN p.statusdescription = 'Rewritten' THEN 'rewritten' END AS _ignore
FROM procedureevents AS p
LEFT JOIN (SELECT itemid, min(label) AS label FROM d_items GROUP BY itemid) AS i ON p.itemid = i.itemid
