-- One row: an image of the CDM, by the name that it has in its source; of all sources, or of one.
-- It was made on its day, and before it was known.
SELECT
    i.source,
    o.image_series_uid AS item,
    o.person_id,
    LEAST(
        o.image_occurrence_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND,
        GREATEST(CAST(o.image_occurrence_date AS TIMESTAMP), m.known_time)
    ) AS event_time,
    GREATEST(CAST(o.image_occurrence_date AS TIMESTAMP), m.known_time) AS known_time,
    o.image_occurrence_id AS row_id
FROM cdm.image_occurrence AS o
INNER JOIN plait.image_item AS i ON o.image_occurrence_id = i.image_occurrence_id
INNER JOIN plait.row_meta AS m ON m.table_name = 'image_occurrence' AND o.image_occurrence_id = m.row_id
WHERE $source IS NULL OR i.source = $source
ORDER BY i.source, item, row_id;
