-- fact, one row: an event, or a variant that has a standard concept: it is a measurement of the day on which it was
-- found, or its specimen taken.
CREATE OR REPLACE TEMP VIEW fact AS
SELECT
    'event' AS shape,
    e.*
FROM live_event AS e
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
WHERE c.concept_id != 0 AND coalesce(v.start, s.start) IS NOT NULL;
