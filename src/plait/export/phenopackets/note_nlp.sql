-- One row: a finding in the text of a note. What a note denies of the patient is a feature that is excluded, unless it is told of the patient elsewhere;
-- what it asserts is an event only where `plait.yaml` says so, and is told as that.
WITH coded AS (
    SELECT
        n.note_nlp_id >> 22 AS person_id,
        n.note_nlp_id AS row_id,
        t.id,
        t.label,
        t.is_sign_or_disorder,
        moment(n.nlp_datetime, n.nlp_date) AS observed,
        n.term_exists = 'N' AND o.term_modifiers LIKE '%negation=true%' AND o.term_modifiers NOT LIKE '%subject=%' AS is_denied
    FROM leaving_note_nlp AS n
    INNER JOIN pseudonym AS s ON n.note_nlp_id >> 22 = s.new_id
    INNER JOIN cdm.note_nlp AS o ON (s.person_id << 22) + (n.note_nlp_id & 4194303) = o.note_nlp_id
    LEFT JOIN term AS t ON n.note_nlp_concept_id = t.concept_id
),

stated AS (
    SELECT person_id, id FROM told_condition WHERE place IS NOT NULL
    UNION
    SELECT person_id, assay_id FROM told_observation WHERE place = 'phenotypicFeatures'
)

SELECT
    c.* EXCLUDE (is_denied, is_sign_or_disorder),
    CASE WHEN c.is_denied AND c.is_sign_or_disorder AND s.id IS NULL THEN 'phenotypicFeatures' END AS place,
    CASE
        WHEN c.is_denied IS NOT TRUE THEN 'a finding in a text that is not denied: an event only where plait.yaml says so'
        WHEN c.id IS NULL THEN 'no concept'
        WHEN NOT c.is_sign_or_disorder THEN 'denied, and no finding'
        WHEN s.id IS NOT NULL THEN 'denied, and told of the person elsewhere'
    END AS reason
FROM coded AS c
LEFT JOIN stated AS s ON c.person_id = s.person_id AND c.id = s.id
