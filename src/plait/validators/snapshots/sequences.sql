-- One row: an event of a sampled row's person that had happened by its moment and, by the clock `known`, was known; with its days before the moment.
SELECT
    a.place,
    e.concept_id,
    CAST((EPOCH_US(a.prediction_time) - EPOCH_US(e.event_time)) / 86400000000.0 AS FLOAT) AS age_days,
    CAST(e.number AS FLOAT) AS number
FROM snapshot_sample AS a
INNER JOIN snapshot_event AS e ON a.person_id = e.person_id
WHERE
    LIST_CONTAINS($tables, e.table_name)
    AND e.event_time <= a.prediction_time
    AND ($clock = 'ohdsi' OR e.known_time <= a.prediction_time)
    AND ($lookback_us IS NULL OR EPOCH_US(e.event_time) > EPOCH_US(a.prediction_time) - $lookback_us)
