-- One row: a disease of a person: it begins with its first record and is over when all of them are. A cancer is what the vocabulary says is one, or
-- what an episode is the first occurrence of.
WITH sited AS (
    SELECT
        t.id,
        min(s.id) AS site_id,
        min(s.label) AS site_label
    FROM cdm.concept_relationship AS r
    INNER JOIN term AS t ON r.concept_id_1 = t.concept_id
    INNER JOIN term AS s ON r.concept_id_2 = s.concept_id
    WHERE r.relationship_id = 'Has finding site'
    GROUP BY t.id
    HAVING count(*) = 1
),

first_occurrence AS (
    SELECT DISTINCT
        e.person_id,
        t.id
    FROM leaving_episode AS e
    INNER JOIN known AS k ON e.episode_concept_id = k.concept_id AND k.role = 'first_occurrence'
    INNER JOIN term AS t ON e.episode_object_concept_id = t.concept_id
)

SELECT
    c.person_id,
    c.id,
    any_value(c.label) AS label,
    min(c.began) AS began,
    CASE WHEN count(c.ended) = count(*) THEN max(c.ended) END AS ended,
    bool_or(c.is_cancer OR f.id IS NOT NULL) AS is_cancer,
    any_value(s.site_id) FILTER (c.is_cancer OR f.id IS NOT NULL) AS site_id,
    any_value(s.site_label) FILTER (c.is_cancer OR f.id IS NOT NULL) AS site_label,
    CASE WHEN count(DISTINCT c.histology_id) = 1 THEN min(c.histology_id) END AS histology_id,
    CASE WHEN count(DISTINCT c.histology_id) = 1 THEN min(c.histology_label) END AS histology_label
FROM told_condition AS c
LEFT JOIN sited AS s ON c.id = s.id
LEFT JOIN first_occurrence AS f ON c.person_id = f.person_id AND c.id = f.id
WHERE c.place = 'diseases'
GROUP BY c.person_id, c.id
