-- One row: a concept of the events of a sampled row's person in one table that had happened by its moment and, by the clock `known`, were known;
-- with every day on which one began, in days from the moment's.
SELECT
    a.place,
    e.concept_id,
    LIST(DISTINCT DATE_DIFF('day', CAST(a.prediction_time AS DATE), e.day)) AS days
FROM snapshot_sample AS a
INNER JOIN snapshot_event AS e ON a.person_id = e.person_id
WHERE
    e.table_name = $table
    AND e.concept_id <> 0
    AND e.event_time <= a.prediction_time
    AND ($clock = 'ohdsi' OR e.known_time <= a.prediction_time)
GROUP BY a.place, e.concept_id
