-- One row: a feature of a person, from its first record on, or one that is excluded.
WITH told AS (
    SELECT person_id, id, label, began, ended, FALSE AS is_excluded FROM told_condition WHERE place = 'phenotypicFeatures'
    UNION ALL
    SELECT person_id, assay_id, assay_label, observed, NULL, FALSE FROM told_observation WHERE place = 'phenotypicFeatures'
    UNION ALL
    SELECT person_id, id, label, began, ended, FALSE FROM told_episode WHERE place = 'phenotypicFeatures'
    UNION ALL
    SELECT person_id, id, label, observed, NULL, TRUE FROM told_note_nlp WHERE place = 'phenotypicFeatures'
)

SELECT
    person_id,
    id,
    any_value(label) AS label,
    is_excluded,
    min(began) AS began,
    CASE WHEN count(ended) = count(*) THEN max(ended) END AS ended
FROM told
GROUP BY person_id, id, is_excluded
