-- promoted_event, one row: an event that findings of a note tell of: what the patient has now and for certain, where a rule of the study names it.
-- What a note says several times is one event.
CREATE OR REPLACE TEMP TABLE promoted_event AS
WITH chosen AS (
    SELECT
        f.*,
        d.table_name
    FROM finding_row AS f
    INNER JOIN domain_table AS d ON f.domain_id = d.domain_id
    SEMI JOIN promotion AS p
        ON f.domain_id = p.domain_id
            AND coalesce(p.extractor, f.extractor) = f.extractor
            AND coalesce(p.concept_id, f.concept_id) = f.concept_id
    WHERE f.concept_id != 0 AND f.is_there AND f.is_certain AND f.temporal = 'present' AND f.subject = 'patient'
),

event AS (
    SELECT
        note_id,
        table_name,
        concept_id,
        value_number,
        value_text,
        operator,
        unit,
        unit_concept_id,
        value_concept_id,
        arg_min(source_concept_id, note_nlp_id) AS source_concept_id,
        arg_min(lexical_variant, note_nlp_id) AS lexical_variant,
        list(note_nlp_id ORDER BY note_nlp_id) AS findings
    FROM chosen
    GROUP BY note_id, table_name, concept_id, value_number, value_text, operator, unit, unit_concept_id, value_concept_id
)

SELECT
    e.table_name AS target_table,
    'finding' AS shape,
    n.source,
    n.file,
    n.person_id,
    n.start,
    n.start_is_date,
    n.known_time,
    left(e.lexical_variant, 50) AS code,
    e.concept_id,
    e.source_concept_id,
    e.value_number,
    e.value_text,
    e.value_concept_id AS value_as_concept_id,
    e.unit,
    e.unit_concept_id,
    o.concept_id AS operator_concept_id,
    t.concept_id AS type_concept_id,
    n.provider_id,
    n.visit_occurrence_id,
    n.visit_detail_id,
    e.findings
FROM event AS e
INNER JOIN note_row AS n ON e.note_id = n.note_id
LEFT JOIN operator_concept AS o ON e.operator = o.operator
LEFT JOIN type_concept AS t ON t.name = 'nlp';
