-- One row: a slide.
SELECT
    source,
    item,
    sha256(files) AS content,
    person_id,
    event_time,
    known_time,
    image_occurrence_id AS row_id,
    CAST(CASE WHEN is_unreachable THEN $unreachable ELSE 0 END AS UTINYINT) AS status
FROM picture
WHERE modality = 'SM'
ORDER BY source, item, content
