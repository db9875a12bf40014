-- One row: an event of a person, with its code, and what else is known of it; `place` orders events of one moment.
-- What an event's table does not tell is NULL. `known_time` is never before `time`; where it is not told, it came as infinity.
WITH event AS (
    SELECT * FROM blank
    UNION ALL BY NAME
    SELECT * FROM raw_event
)

SELECT
    e.person_id AS subject_id,
    e.time,
    CASE WHEN e.is_end THEN 'END//' ELSE '' END || coalesce(e.fixed_code, coded(c.code, s.code, e.table_name, e.source_value)) AS code,
    CAST(e.number AS FLOAT) AS numeric_value,
    coalesce(v.code, e.text_value) AS text_value,
    coalesce(u.concept_code, e.unit_source_value) AS unit,
    coalesce(q.concept_name, e.modifier_source_value) AS modifier,
    e.end_time AS "end",
    CASE WHEN e.time IS NOT NULL AND e.place > 0 THEN nullif(greatest(e.time, e.known_time), TIMESTAMP 'infinity') END AS known_time,
    e.table_name AS "table",
    e.row_id,
    nullif(e.visit_id, 0) AS visit_id,
    t.concept_name AS provenance,
    CASE WHEN s.code != c.code THEN CASE WHEN getvariable('codes') = 'source' THEN c.code ELSE s.code END END AS other_code,
    CAST(NULL AS BIGINT) AS embedding_row,
    e.place
FROM event AS e
LEFT JOIN coded_concept AS c ON e.concept_id = c.concept_id
LEFT JOIN coded_concept AS s ON e.source_concept_id = s.concept_id
LEFT JOIN coded_concept AS v ON e.value_concept_id = v.concept_id
LEFT JOIN coded_concept AS u ON e.unit_concept_id = u.concept_id
LEFT JOIN coded_concept AS q ON e.modifier_concept_id = q.concept_id
LEFT JOIN coded_concept AS t ON e.type_concept_id = t.concept_id
