-- One row: a day or moment at which a specimen of a sampled row's person was taken that an assay looked at, and whose report was there by the
-- row's moment, by the clock `known`.
WITH timed AS (
    SELECT
        o.person_id,
        COALESCE(o.omics_occurrence_datetime, CAST(o.omics_occurrence_date AS TIMESTAMP)) AS event_time,
        COALESCE(m.known_time, o.omics_occurrence_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND) AS known_time
    FROM cdm.omics_occurrence AS o
    SEMI JOIN snapshot_sample AS a ON o.person_id = a.person_id
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'omics_occurrence' AND o.omics_occurrence_id = m.row_id
    WHERE o.assay = $assay AND o.omics_occurrence_date IS NOT NULL
)

SELECT
    a.place,
    CAST((EPOCH_US(a.prediction_time) - EPOCH_US(t.event_time)) / 86400000000.0 AS FLOAT) AS age_days
FROM snapshot_sample AS a
INNER JOIN timed AS t ON a.person_id = t.person_id
WHERE t.event_time <= a.prediction_time AND ($clock = 'ohdsi' OR GREATEST(t.event_time, t.known_time) <= a.prediction_time)
