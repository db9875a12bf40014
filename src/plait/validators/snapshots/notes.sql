-- One row: a note of a sampled row's person that had been written by its moment and, by the clock `known`, was known; by its content.
-- A note of a date without a time was written on its day, and before it was known.
WITH dated AS (
    SELECT
        n.person_id,
        SHA256(COALESCE(n.note_text, '')) AS content,
        n.note_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS day_ends,
        CAST(n.note_date AS TIMESTAMP) AS day_begins,
        n.note_datetime,
        m.known_time
    FROM cdm.note AS n
    SEMI JOIN snapshot_sample AS a ON n.person_id = a.person_id
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'note' AND n.note_id = m.row_id
    WHERE
        (LEN($types) = 0 OR LIST_CONTAINS($types, n.note_type_concept_id))
        AND (LEN($classes) = 0 OR LIST_CONTAINS($classes, n.note_class_concept_id))
        AND (LEN($codes) = 0 OR LIST_CONTAINS($codes, n.note_source_value))
),

timed AS (
    SELECT
        person_id,
        content,
        COALESCE(note_datetime, LEAST(day_ends, GREATEST(day_begins, COALESCE(known_time, day_ends)))) AS event_time,
        COALESCE(known_time, day_ends) AS known_time
    FROM dated
)

SELECT
    a.place,
    t.content AS "key",
    EPOCH_US(a.prediction_time) - EPOCH_US(t.event_time) AS age_us
FROM snapshot_sample AS a
INNER JOIN timed AS t ON a.person_id = t.person_id
WHERE t.event_time <= a.prediction_time AND ($clock = 'ohdsi' OR t.known_time <= a.prediction_time)
ORDER BY a.place, age_us DESC, t.content
