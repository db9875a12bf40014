-- One row: a person: sex, birth where its day may be told, the last day of observation, and the death.
WITH seen AS (
    SELECT
        person_id,
        max(observation_period_end_date) AS last_seen
    FROM leaving_observation_period
    GROUP BY person_id
),

begun AS (
    SELECT
        e.person_id,
        min(e.began) AS began
    FROM told_episode AS e
    WHERE e.place = 'diseases.onset'
    GROUP BY e.person_id
)

SELECT
    p.person_id,
    CASE g.concept_code WHEN 'F' THEN 'FEMALE' WHEN 'M' THEN 'MALE' WHEN 'O' THEN 'OTHER_SEX' ELSE 'UNKNOWN_SEX' END AS sex,
    CASE
        WHEN p.day_of_birth IS NOT NULL THEN coalesce(p.birth_datetime, TRY(CAST(make_date(p.year_of_birth, p.month_of_birth, p.day_of_birth) AS TIMESTAMP)))
    END AS born,
    CAST(s.last_seen AS TIMESTAMP) AS last_seen,
    d.person_id IS NOT NULL AS is_dead,
    moment(d.death_datetime, d.death_date) AS died,
    t.id AS cause_id,
    t.label AS cause_label,
    CAST(date_diff('day', coalesce(b.began, c.began), moment(d.death_datetime, d.death_date)) AS INTEGER) AS survival_days,
    c.id AS cancer_id,
    c.label AS cancer_label,
    c.histology_id,
    c.histology_label
FROM leaving_person AS p
LEFT JOIN cdm.concept AS g ON p.gender_concept_id = g.concept_id AND g.vocabulary_id = 'Gender'
LEFT JOIN seen AS s ON p.person_id = s.person_id
LEFT JOIN leaving_death AS d ON p.person_id = d.person_id
LEFT JOIN term AS t ON d.cause_concept_id = t.concept_id
LEFT JOIN begun AS b ON p.person_id = b.person_id
LEFT JOIN cancer AS c ON p.person_id = c.person_id
