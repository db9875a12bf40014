-- One row: an event of an episode; the episode says whose it is.
WITH owner AS (
    SELECT
        cdm_id(episode_id) AS episode_id,
        cdm_one(min(cdm_id(person_id)), max(cdm_id(person_id))) AS person
    FROM episode
    GROUP BY cdm_id(episode_id)
)

SELECT
    t._pointer,
    o.person,
    t.episode_id,
    t.event_id,
    t.episode_event_field_concept_id,
    CASE WHEN o.person IS NULL THEN 'unknown_owner' END AS _reject
FROM episode_event AS t
LEFT JOIN owner AS o ON cdm_id(t.episode_id) = o.episode_id
