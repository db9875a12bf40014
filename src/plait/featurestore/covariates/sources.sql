-- One row: an index row and an event in the window of an analysis that had happened and, by the clock `known`, was known at its moment;
-- of all concepts, of the given one, of those below it, or of those that a score counts.
SELECT
    a.row_id AS "row",
    e.table_name,
    e.row_id,
    e.event_time,
    e.known_time
FROM covariate_rows AS a
INNER JOIN event AS e ON a.person_id = e.person_id AND e.table_name = $table
WHERE
    CASE $concepts
        WHEN 'all' THEN e.concept_id != 0
        WHEN 'one' THEN e.concept_id = $concept
        WHEN 'below' THEN e.concept_id IN (SELECT c.descendant_concept_id FROM cdm.concept_ancestor AS c WHERE c.ancestor_concept_id = $concept)
        WHEN 'score' THEN e.concept_id IN (SELECT s.concept_id FROM covariate_score AS s WHERE s.score = $score)
    END
    AND e.event_time <= a.prediction_time
    AND ($clock = 'ohdsi' OR e.known_time <= a.prediction_time)
    AND CAST(e.event_time AS DATE) <= CAST(a.prediction_time AS DATE) + CAST($end_day AS INTEGER)
    AND (
        $start_day IS NULL
        OR CASE
            WHEN $moment = 'overlap' AND ($clock = 'ohdsi' OR e.end_known_time <= a.prediction_time) THEN greatest(e.end_day, CAST(e.event_time AS DATE))
            WHEN $moment = 'overlap' THEN CAST(e.event_time AS DATE) + 1
            ELSE CAST(e.event_time AS DATE)
        END
        >= CAST(a.prediction_time AS DATE) + CAST($start_day AS INTEGER)
    )
ORDER BY "row", e.event_time, e.known_time, e.row_id
