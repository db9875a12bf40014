-- note_row, one row: a note with its row id.
CREATE OR REPLACE TEMP TABLE note_row AS
SELECT
    n.person_id * 4194304 + row_number() OVER (PARTITION BY n.person_id ORDER BY n.start, n.source, n.note) - 1 AS note_id,
    n.*,
    coalesce(t.concept_id, 0) AS type_concept_id,
    coalesce(d.concept_id, 0) AS note_class_concept_id,
    coalesce(la.concept_id, 0) AS language_concept_id,
    coalesce(en.concept_id, 0) AS encoding_concept_id,
    coalesce(p.id, CASE WHEN r.provider_from_visit THEN l.provider_id END) AS provider_id,
    l.visit_occurrence_id,
    l.visit_detail_id
FROM live_note AS n
LEFT JOIN type_concept AS t ON n.type = t.name
LEFT JOIN code_concept AS d ON n.source = d.source AND n.document_type_system = d.code_system AND n.document_type = d.code
LEFT JOIN named_concept AS la ON la.kind = 'language' AND n.language = la.code
LEFT JOIN named_concept AS en ON en.kind = 'encoding' AND n.encoding = en.code
LEFT JOIN source_rule AS r ON n.source = r.source
LEFT JOIN visit_link AS l ON n.person_id = l.person_id AND n.system = l.system AND n.visit = l.visit
LEFT JOIN dimension_id AS p ON p.dimension = 'provider' AND n.system = p.system AND n.provider = p.key
ORDER BY note_id;
