-- One row: an image of a sampled row's person that had been made by its moment and, by the clock `known`, was known; by its source and its name in it.
WITH dated AS (
    SELECT
        o.person_id,
        CONCAT_WS('/', i.source, o.image_series_uid) AS item,
        o.image_occurrence_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS day_ends,
        CAST(o.image_occurrence_date AS TIMESTAMP) AS day_begins,
        m.known_time
    FROM cdm.image_occurrence AS o
    SEMI JOIN snapshot_sample AS a ON o.person_id = a.person_id
    INNER JOIN plait.image_item AS i ON o.image_occurrence_id = i.image_occurrence_id
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'image_occurrence' AND o.image_occurrence_id = m.row_id
    WHERE LIST_CONTAINS($modalities, i.modality)
),

timed AS (
    SELECT
        person_id,
        item,
        LEAST(day_ends, GREATEST(day_begins, COALESCE(known_time, day_ends))) AS event_time,
        GREATEST(day_begins, COALESCE(known_time, day_ends)) AS known_time
    FROM dated
)

SELECT
    a.place,
    t.item AS "key",
    EPOCH_US(a.prediction_time) - EPOCH_US(t.event_time) AS age_us
FROM snapshot_sample AS a
INNER JOIN timed AS t ON a.person_id = t.person_id
WHERE t.event_time <= a.prediction_time AND ($clock = 'ohdsi' OR GREATEST(t.event_time, t.known_time) <= a.prediction_time)
ORDER BY a.place, age_us DESC, t.item
