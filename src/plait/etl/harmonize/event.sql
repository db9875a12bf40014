-- mapped_event, one row: a fact to write, in the order of its table and row id: a staged event times its
-- standard concepts, with everything that it refers to resolved; behind a person's others those that notes tell of, so that no id depends on them.
CREATE OR REPLACE TEMP VIEW mapped_fact AS
SELECT
    coalesce(f.table_name, d.table_name, h.table_name, 'observation') AS target_table,
    e.*,
    coalesce(m.target_concept_id, 0) AS concept_id,
    coalesce(m.source_concept_id, 0) AS source_concept_id,
    CASE WHEN e.value_code IS NOT NULL THEN coalesce(vc.concept_id, 0) ELSE m.value_as_concept_id END AS value_as_concept_id,
    CASE WHEN e.unit IS NOT NULL THEN coalesce(u.concept_id, 0) END AS unit_concept_id,
    CASE WHEN e.unit IS NOT NULL THEN coalesce(u.source_concept_id, 0) END AS unit_source_concept_id,
    CASE WHEN e.route IS NOT NULL THEN coalesce(rt.concept_id, 0) END AS route_concept_id,
    CASE WHEN e.status IS NOT NULL THEN coalesce(st.concept_id, 0) END AS status_concept_id,
    CASE WHEN e.modifier IS NOT NULL THEN coalesce(md.concept_id, 0) END AS modifier_concept_id,
    o.concept_id AS operator_concept_id,
    coalesce(t.concept_id, 0) AS type_concept_id,
    coalesce(p.id, CASE WHEN r.provider_from_visit THEN l.provider_id END) AS provider_id,
    l.visit_occurrence_id,
    l.visit_detail_id
FROM fact AS e
LEFT JOIN study_map AS m ON e.source = m.source AND e.code_system = m.code_system AND e.code = m.code
LEFT JOIN domain_table AS f ON e.fixed_domain = f.domain_id
LEFT JOIN domain_table AS d ON m.target_domain_id = d.domain_id
LEFT JOIN domain_table AS h ON e.domain = h.domain_id
LEFT JOIN code_concept AS vc ON e.source = vc.source AND e.value_system = vc.code_system AND e.value_code = vc.code
LEFT JOIN code_concept AS u ON e.source = u.source AND u.code_system = 'UCUM' AND e.unit = u.code
LEFT JOIN code_concept AS rt ON e.source = rt.source AND e.route_system = rt.code_system AND e.route = rt.code
LEFT JOIN code_concept AS st ON e.source = st.source AND e.status_system = st.code_system AND e.status = st.code
LEFT JOIN code_concept AS md ON e.source = md.source AND e.modifier_system = md.code_system AND e.modifier = md.code
LEFT JOIN operator_concept AS o ON e.operator = o.operator
LEFT JOIN type_concept AS t ON e.type = t.name
LEFT JOIN source_rule AS r ON e.source = r.source
LEFT JOIN visit_link AS l ON e.person_id = l.person_id AND e.system = l.system AND e.visit = l.visit
LEFT JOIN dimension_id AS p ON p.dimension = 'provider' AND e.system = p.system AND e.provider = p.key
UNION ALL BY NAME
SELECT *
FROM promoted_event;

CREATE OR REPLACE TEMP TABLE mapped_event AS
SELECT *
FROM mapped_fact
ORDER BY target_table, person_id, CASE WHEN shape = 'finding' THEN 1 ELSE 0 END, start, source, file, digest, part, concept_id, value_as_concept_id, findings;

CREATE OR REPLACE TEMP TABLE first_event AS
SELECT
    target_table,
    person_id,
    min(rowid) AS first_rowid
FROM mapped_event
GROUP BY target_table, person_id;

CREATE OR REPLACE TEMP VIEW event_row AS
SELECT
    e.person_id * 4194304 + e.rowid - f.first_rowid + CASE WHEN e.target_table = 'specimen' THEN coalesce(d.specimens, 0) ELSE 0 END AS row_id,
    e.*
FROM mapped_event AS e
INNER JOIN first_event AS f ON e.target_table = f.target_table AND e.person_id = f.person_id
LEFT JOIN (SELECT person_id, count(*) AS specimens FROM specimen_row GROUP BY person_id) AS d ON e.person_id = d.person_id;

-- disease_row, one row: an episode and the condition that it is about, the first of those in it, which modifiers name
-- (OMOP Oncology: measurement_event_id is a condition_occurrence_id).
CREATE OR REPLACE TEMP TABLE disease_row AS
SELECT
    e.person_id,
    e.system,
    e.episode,
    min(e.row_id) AS condition_occurrence_id,
    any_value(f.concept_id) AS field_concept_id
FROM event_row AS e
INNER JOIN named_concept AS f ON f.kind = 'event_field' AND f.code = 'condition_occurrence'
WHERE e.target_table = 'condition_occurrence' AND e.episode IS NOT NULL
GROUP BY e.person_id, e.system, e.episode;
