-- One row: a patient, born anchor_age years before anchor_year: the year alone is known, and its first day stands for it. Of who
-- was older than 89 anchor_age is 91. The race is that of the first admission that tells one.
SELECT
    p._pointer,
    p.subject_id AS person,
    (TRY_CAST(p.anchor_year AS INTEGER) - TRY_CAST(p.anchor_age AS INTEGER)) || '-01-01' AS birth,
    p.gender,
    'mimic:gender' AS gender_system,
    a.race,
    'mimic:race' AS race_system,
    a.race AS ethnicity,
    'mimic:ethnicity' AS ethnicity_system
FROM patients AS p
LEFT JOIN (
    SELECT
        subject_id,
        arg_min(race, (race IN ('UNKNOWN', 'UNABLE TO OBTAIN', 'PATIENT DECLINED TO ANSWER', 'OTHER'), admittime, hadm_id)) AS race
    FROM admissions
    WHERE race IS NOT NULL
    GROUP BY subject_id
) AS a ON p.subject_id = a.subject_id
