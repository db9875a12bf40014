-- One row: an episode of a disease or a treatment; the modifier is what it is about.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    9 AS place,
    moment(episode_start_date, episode_start_datetime) AS time,
    episode_concept_id AS concept_id,
    episode_source_concept_id AS source_concept_id,
    episode_source_value AS source_value,
    episode_number AS number,
    episode_object_concept_id AS modifier_concept_id,
    moment(episode_end_date, episode_end_datetime) AS end_time,
    known_time,
    episode_type_concept_id AS type_concept_id,
    episode_id AS row_id
FROM leaving_episode
