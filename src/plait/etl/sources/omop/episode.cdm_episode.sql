-- One row: an episode.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(episode_start_date, episode_start_datetime) AS start,
    cdm_time(episode_end_date, episode_end_datetime) AS "end",
    episode_id,
    episode_concept_id,
    coalesce(cdm_day(episode_start_date), cdm_day(episode_start_datetime)) AS episode_start_date,
    episode_start_datetime,
    coalesce(cdm_day(episode_end_date), cdm_day(episode_end_datetime)) AS episode_end_date,
    episode_end_datetime,
    episode_parent_id,
    episode_number,
    episode_object_concept_id,
    episode_type_concept_id,
    episode_source_value,
    episode_source_concept_id
FROM episode
