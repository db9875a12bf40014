-- One row: a drug or a fluid that ran in over a time, or was given at once; one that was written anew is left out by rule.
SELECT
    n._pointer,
    n.subject_id AS person,
    'icu:' || n.stay_id AS visit,
    'caregiver:' || n.caregiver_id AS provider,
    n.starttime AS start,
    n.endtime AS "end",
    n.storetime AS known_time,
    n.itemid AS code,
    'mimic:itemid' AS code_system,
    i.label AS display,
    'Drug' AS domain,
    n.amount AS quantity,
    trim(n.amountuom) AS unit,
    nullif(concat_ws(' ', n.rate, n.rateuom, n.ordercategorydescription), '') AS sig,
    CASE WHEN n.statusdescription NOT IN ('FinishedRunning', 'Changed') THEN n.statusdescription END AS stop_reason,
    'ehr_administration' AS type,
    CASE WHEN n.statusdescription = 'Rewritten' THEN 'rewritten' END AS _ignore
FROM inputevents AS n
LEFT JOIN (SELECT itemid, min(label) AS label FROM d_items GROUP BY itemid) AS i ON n.itemid = i.itemid
