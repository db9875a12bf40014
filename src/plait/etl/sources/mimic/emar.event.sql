-- One row: a drug that was given; what was not given, delayed or only checked is left out by rule.
SELECT
    e._pointer,
    e.subject_id AS person,
    e.hadm_id AS visit,
    e.enter_provider_id AS provider,
    e.charttime AS start,
    e.storetime AS known_time,
    e.medication AS code,
    'mimic:drug' AS code_system,
    'Drug' AS domain,
    e.event_txt AS sig,
    'ehr_administration' AS type,
    CASE
        WHEN regexp_matches(lower(e.event_txt), 'not (given|applied|started|stopped|confirmed|flushed|assessed)|hold|held|delayed|assess|confirm|read$|removed')
            THEN 'not_given'
        WHEN e.medication IS NULL THEN 'no_medication'
    END AS _ignore
FROM emar AS e
