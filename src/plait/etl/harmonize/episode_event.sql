-- One row: a visit or a fact of an episode; a visit is there once, however many encounters were rolled up into it.
SELECT
    e.episode_id,
    v.row_id AS event_id,
    f.concept_id AS episode_event_field_concept_id
FROM episode_row AS e
INNER JOIN (
    SELECT DISTINCT
        r.person_id,
        r.system,
        r.episode,
        'visit_occurrence' AS table_name,
        l.visit_occurrence_id AS row_id
    FROM visit_row AS r
    INNER JOIN visit_link AS l ON r.n = l.n
    WHERE r.episode IS NOT NULL
    UNION ALL
    SELECT
        person_id,
        system,
        episode,
        target_table,
        row_id
    FROM event_row
    WHERE episode IS NOT NULL
) AS v ON e.person_id = v.person_id AND e.system = v.system AND e.episode = v.episode
INNER JOIN named_concept AS f ON f.kind = 'event_field' AND v.table_name = f.code
ORDER BY e.episode_id, f.concept_id, v.row_id
