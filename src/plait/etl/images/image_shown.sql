-- One row: a file of the image that is asked for, by its id, the UID of its series, or its name.
SELECT
    o.image_occurrence_id,
    i.source,
    i.modality,
    f.uri
FROM cdm.image_occurrence AS o
INNER JOIN plait.image_item AS i ON o.image_occurrence_id = i.image_occurrence_id
INNER JOIN plait.image_file AS f ON o.image_occurrence_id = f.image_occurrence_id
WHERE CAST(o.image_occurrence_id AS VARCHAR) = $item OR o.image_series_uid = $item
ORDER BY o.image_occurrence_id, f.uri
