-- picture, one row: an image, when it was made and known, and what tells its files from any others; a date without a time ends with its day.
CREATE OR REPLACE TEMP TABLE picture AS
WITH file AS (
    SELECT
        f.image_occurrence_id,
        to_json(list({'uri': f.uri, 'size_bytes': f.size_bytes, 'mtime_ns': f.mtime_ns} ORDER BY f.uri, f.size_bytes, f.mtime_ns)) AS files,
        coalesce(bool_or(c.status IN ('changed', 'missing', 'moved', 'unreadable')), FALSE) AS is_unreachable
    FROM plait.image_file AS f
    LEFT JOIN plait.image_check AS c ON f.image_occurrence_id = c.image_occurrence_id AND f.uri = c.uri
    GROUP BY f.image_occurrence_id
),

dated AS (
    SELECT
        i.image_occurrence_id,
        i.source,
        i.modality,
        i.derived_from_id,
        o.person_id,
        o.image_series_uid AS item,
        o.image_occurrence_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND AS day_ends,
        CAST(o.image_occurrence_date AS TIMESTAMP) AS day_begins,
        m.known_time,
        concat_ws('/', i.source, f.files) AS files,
        f.is_unreachable
    FROM plait.image_item AS i
    INNER JOIN cdm.image_occurrence AS o ON i.image_occurrence_id = o.image_occurrence_id
    INNER JOIN file AS f ON i.image_occurrence_id = f.image_occurrence_id
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'image_occurrence' AND i.image_occurrence_id = m.row_id
)

SELECT
    image_occurrence_id,
    source,
    modality,
    derived_from_id,
    person_id,
    item,
    least(day_ends, greatest(day_begins, coalesce(known_time, day_ends))) AS event_time,
    greatest(day_begins, coalesce(known_time, day_ends)) AS known_time,
    files,
    is_unreachable
FROM dated;
