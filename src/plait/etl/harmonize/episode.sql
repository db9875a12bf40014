-- episode_row, one row: a declared episode with its row id and its concepts.
CREATE OR REPLACE TEMP TABLE episode_row AS
SELECT
    e.person_id * 4194304 + row_number() OVER (PARTITION BY e.person_id ORDER BY e.start, e.source, e.episode) - 1 AS episode_id,
    e.*,
    coalesce(m.concept_id, 0) AS concept_id,
    coalesce(m.source_concept_id, 0) AS source_concept_id,
    coalesce(o.concept_id, 0) AS object_concept_id,
    coalesce(t.concept_id, 0) AS type_concept_id
FROM live_episode AS e
LEFT JOIN code_concept AS m ON e.source = m.source AND e.code_system = m.code_system AND e.code = m.code
LEFT JOIN code_concept AS o ON e.source = o.source AND e.object_system = o.code_system AND e.object = o.code
LEFT JOIN type_concept AS t ON e.type = t.name
ORDER BY episode_id;
