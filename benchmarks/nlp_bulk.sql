-- One row: how what notes say of patients compares with the conditions in their records.
WITH recorded AS (
    SELECT DISTINCT person_id, condition_concept_id AS concept_id
    FROM cdm.condition_occurrence
    WHERE condition_concept_id != 0
),

named AS (
    SELECT DISTINCT r.person_id, r.concept_id
    FROM recorded AS r
    INNER JOIN cdm.concept AS c ON r.concept_id = c.concept_id
    INNER JOIN cdm.note AS n ON r.person_id = n.person_id AND contains(lower(n.note_text), lower(c.concept_name))
),

found AS (
    SELECT DISTINCT
        n.person_id,
        f.note_nlp_concept_id AS concept_id,
        f.term_exists = 'Y' AS is_there
    FROM cdm.note_nlp AS f
    INNER JOIN cdm.note AS n ON f.note_id = n.note_id
    INNER JOIN cdm.concept AS c ON f.note_nlp_concept_id = c.concept_id AND c.domain_id = 'Condition'
)

SELECT
    (SELECT count(*) FROM cdm.person),
    (SELECT count(*) FROM recorded),
    (SELECT count(*) FROM named),
    (SELECT count(*) FROM named AS m SEMI JOIN found AS f ON m.person_id = f.person_id AND m.concept_id = f.concept_id),
    (SELECT count(*) FROM found WHERE is_there),
    (SELECT count(*) FROM found AS f SEMI JOIN recorded AS r ON f.person_id = r.person_id AND f.concept_id = r.concept_id WHERE f.is_there)
