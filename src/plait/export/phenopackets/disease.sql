-- One row: a disease of a person: it begins with its first record and is over when all of them are.
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
)

SELECT
    c.person_id,
    c.id,
    any_value(c.label) AS label,
    min(c.began) AS began,
    CASE WHEN count(c.ended) = count(*) THEN max(c.ended) END AS ended,
    bool_or(coalesce(c.is_cancer, FALSE)) AS is_cancer,
    any_value(s.site_id) FILTER (c.is_cancer) AS site_id,
    any_value(s.site_label) FILTER (c.is_cancer) AS site_label,
    CASE WHEN count(DISTINCT c.histology_id) = 1 THEN min(c.histology_id) END AS histology_id,
    CASE WHEN count(DISTINCT c.histology_id) = 1 THEN min(c.histology_label) END AS histology_label
FROM told_condition AS c
LEFT JOIN sited AS s ON c.id = s.id
WHERE c.place = 'diseases'
GROUP BY c.person_id, c.id
