-- image_row, one row: an image with its row id, its procedure and its concepts.
CREATE OR REPLACE TEMP TABLE image_row AS
WITH study_procedure AS (
    SELECT
        s.person_id,
        s.system,
        s.study,
        min(e.row_id) AS procedure_occurrence_id
    FROM image_study AS s
    INNER JOIN event_row AS e
        ON s.person_id = e.person_id AND e.target_table = 'procedure_occurrence' AND e.shape = 'event' AND s.event_accession = e.accession
    WHERE s.has_event
    GROUP BY s.person_id, s.system, s.study
    UNION ALL
    SELECT
        e.person_id,
        e.system,
        e.image_study,
        min(e.row_id)
    FROM event_row AS e
    WHERE e.target_table = 'procedure_occurrence' AND e.image_study IS NOT NULL
    GROUP BY e.person_id, e.system, e.image_study
)

SELECT
    i.person_id * 4194304 + row_number() OVER (PARTITION BY i.person_id ORDER BY i.start, i.source, i.image, i.digest) - 1 AS image_occurrence_id,
    i.*,
    p.procedure_occurrence_id,
    l.visit_occurrence_id,
    coalesce(m.concept_id, 0) AS modality_concept_id,
    CASE WHEN i.site IS NOT NULL THEN coalesce(a.concept_id, 0) END AS site_concept_id
FROM image AS i
INNER JOIN study_procedure AS p ON i.person_id = p.person_id AND i.system = p.system AND i.study = p.study
LEFT JOIN visit_link AS l ON i.person_id = l.person_id AND i.system = l.system AND i.visit = l.visit
LEFT JOIN code_concept AS m ON i.source = m.source AND i.modality_system = m.code_system AND i.modality = m.code
LEFT JOIN code_concept AS a ON i.source = a.source AND i.site_system = a.code_system AND i.site = a.code
ORDER BY image_occurrence_id;

-- image_feature_row, one row: what an image says, with its row id. It stands at the image that it tells of, or where that is not
-- in the study, at the one that says it.
CREATE OR REPLACE TEMP TABLE image_feature_row AS
SELECT
    f.person_id * 4194304
    + row_number() OVER (PARTITION BY f.person_id ORDER BY f.start, f.source, f.image, f.code_system, f.code, f.key_space, f.key)
    - 1 AS image_feature_id,
    f.* EXCLUDE (known_time),
    coalesce(f.known_time, i.known_time, b.known_time) AS known_time,
    coalesce(i.image_occurrence_id, b.image_occurrence_id) AS image_occurrence_id,
    e.row_id AS event_id,
    v.concept_id AS event_field_concept_id,
    coalesce(c.concept_id, 0) AS concept_id,
    CASE WHEN f.finding IS NOT NULL THEN coalesce(n.concept_id, 0) END AS finding_concept_id,
    CASE WHEN f.site IS NOT NULL THEN coalesce(a.concept_id, 0) END AS site_concept_id,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_image_feature AS f
LEFT JOIN image_row AS i ON f.person_id = i.person_id AND f.system = i.system AND f.image = i.image
LEFT JOIN image_row AS b ON f.person_id = b.person_id AND f.system = b.system AND f.found_in = b.image
LEFT JOIN event_row AS e
    ON f.person_id = e.person_id AND e.target_table IN ('measurement', 'observation') AND concat_ws('/', f.key_space, f.key) = e.image_feature
LEFT JOIN named_concept AS v ON v.kind = 'event_field' AND v.code = e.target_table
LEFT JOIN code_concept AS c ON f.source = c.source AND f.code_system = c.code_system AND f.code = c.code
LEFT JOIN code_concept AS n ON f.source = n.source AND f.finding_system = n.code_system AND f.finding = n.code
LEFT JOIN code_concept AS a ON f.source = a.source AND f.site_system = a.code_system AND f.site = a.code
LEFT JOIN type_concept AS t ON t.name = 'derived'
WHERE i.image_occurrence_id IS NOT NULL OR b.image_occurrence_id IS NOT NULL
ORDER BY image_feature_id;
