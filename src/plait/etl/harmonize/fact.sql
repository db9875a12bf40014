-- fact, one row: an event, by the first of its codes that has a standard concept; or a variant that has a standard concept,
-- which is a measurement of the day on which it was found, or its specimen taken; or a study of images, which is a
-- procedure, where no event is; or what an image measures.
CREATE OR REPLACE TEMP VIEW fact AS
SELECT
    'event' AS shape,
    e.* EXCLUDE (fixed_domain, code, code_system),
    CASE
        WHEN first.concept_id != 0 OR e.alternative IS NULL THEN e.code
        WHEN second.concept_id != 0 THEN e.alternative
        WHEN third.concept_id != 0 THEN e.alternative_2
        ELSE e.code
    END AS code,
    CASE
        WHEN first.concept_id != 0 OR e.alternative IS NULL THEN e.code_system
        WHEN second.concept_id != 0 THEN e.alternative_system
        WHEN third.concept_id != 0 THEN e.alternative_2_system
        ELSE e.code_system
    END AS code_system,
    CASE WHEN e.accession IS NOT NULL THEN 'Procedure' ELSE e.fixed_domain END AS fixed_domain
FROM live_event AS e
LEFT JOIN code_concept AS first
    ON e.source = first.source AND e.code_system = first.code_system AND CASE WHEN e.alternative IS NOT NULL THEN e.code END = first.code
LEFT JOIN code_concept AS second ON e.source = second.source AND e.alternative_system = second.code_system AND e.alternative = second.code
LEFT JOIN code_concept AS third ON e.source = third.source AND e.alternative_2_system = third.code_system AND e.alternative_2 = third.code
UNION ALL BY NAME
SELECT
    'variant' AS shape,
    v.is_first,
    v.file_id,
    v.source,
    v.file,
    v.system,
    v.record,
    v.digest,
    v.person_id,
    v.part,
    v.merge_key,
    v.person,
    coalesce(v.start, s.start) AS start,
    coalesce(v.start_is_date, s.start_is_date) AS start_is_date,
    coalesce(v.known_time, s.known_time) AS known_time,
    v.code,
    v.code_system,
    v.display,
    'Measurement' AS domain,
    v.code AS source_value,
    coalesce(v.hgvs_p, v.hgvs_c) AS value_text,
    v.type
FROM live_variant AS v
LEFT JOIN specimen_row AS s ON v.person_id = s.person_id AND v.system = s.system AND v.specimen = s.specimen
INNER JOIN code_concept AS c ON v.source = c.source AND v.code_system = c.code_system AND v.code = c.code
WHERE c.concept_id != 0 AND coalesce(v.start, s.start) IS NOT NULL
UNION ALL BY NAME
SELECT
    'image' AS shape,
    i.is_first,
    i.file_id,
    i.source,
    i.file,
    i.system,
    i.record,
    i.digest,
    i.person_id,
    i.part,
    i.merge_key,
    i.person,
    i.visit,
    i.start,
    i.start_is_date,
    i.known_time,
    coalesce(i.procedure, i.modality) AS code,
    CASE WHEN i.procedure IS NOT NULL THEN i.procedure_system ELSE i.modality_system END AS code_system,
    'Procedure' AS domain,
    'Procedure' AS fixed_domain,
    'derived' AS type,
    i.study AS image_study
FROM image_study AS i
WHERE NOT i.has_event
UNION ALL BY NAME
SELECT
    'image_feature' AS shape,
    f.is_first,
    f.file_id,
    f.source,
    f.file,
    f.system,
    f.record,
    f.digest,
    f.person_id,
    f.part,
    f.merge_key,
    f.person,
    coalesce(f.start, i.start) AS start,
    coalesce(f.start_is_date, i.start_is_date) AS start_is_date,
    coalesce(f.known_time, i.known_time) AS known_time,
    f.code,
    f.code_system,
    f.display,
    CASE WHEN f.value_number IS NULL THEN 'Observation' ELSE 'Measurement' END AS domain,
    CASE WHEN f.value_number IS NULL THEN 'Observation' ELSE 'Measurement' END AS fixed_domain,
    f.value_number,
    f.value_text,
    f.unit,
    'derived' AS type,
    concat_ws('/', f.key_space, f.key) AS image_feature
FROM live_image_feature AS f
LEFT JOIN image AS i ON f.person_id = i.person_id AND f.system = i.system AND f.image = i.image
LEFT JOIN image AS b ON f.person_id = b.person_id AND f.system = b.system AND f.found_in = b.image
WHERE (i.image IS NOT NULL OR b.image IS NOT NULL)
    AND (f.value_number IS NOT NULL OR f.value_text IS NOT NULL)
    AND coalesce(f.start, i.start) IS NOT NULL;
