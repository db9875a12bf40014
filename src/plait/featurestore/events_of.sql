-- One row: an event of one of some concepts, or of any where none are given, in one of some tables, in a total order: what a row says of its
-- beginning comes before its id, which follows from all of its record, the end that came later included.
SELECT
    e.person_id,
    e.event_time,
    e.known_time,
    e.number,
    e.unit_concept_id,
    e.concept_id,
    e.table_name,
    e.row_id
FROM event AS e
WHERE
    e.table_name IN (SELECT unnest($tables::VARCHAR[]))
    AND ($concepts::BIGINT[] IS NULL OR e.concept_id IN (SELECT unnest($concepts::BIGINT[])))
ORDER BY e.person_id, e.event_time, e.known_time, e.place, e.concept_id, e.number, e.row_id
