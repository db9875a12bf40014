-- One row: an episode of a disease or a treatment, as its source declares it.
SELECT
    e.episode_id,
    e.person_id,
    e.concept_id AS episode_concept_id,
    CAST(e.start AS DATE) AS episode_start_date,
    e.start AS episode_start_datetime,
    CAST(e."end" AS DATE) AS episode_end_date,
    e."end" AS episode_end_datetime,
    p.episode_id AS episode_parent_id,
    CAST(e.number AS BIGINT) AS episode_number,
    e.object_concept_id AS episode_object_concept_id,
    e.type_concept_id AS episode_type_concept_id,
    e.code AS episode_source_value,
    e.source_concept_id AS episode_source_concept_id
FROM episode_row AS e
LEFT JOIN episode_row AS p ON e.person_id = p.person_id AND e.system = p.system AND e.parent = p.episode
ORDER BY e.episode_id
