-- One row: an image of this id, or of this UID.
SELECT
    i.image_occurrence_id,
    i.source,
    i.modality,
    i.derived_from_id
FROM plait.image_item AS i
INNER JOIN cdm.image_occurrence AS o ON i.image_occurrence_id = o.image_occurrence_id
WHERE CAST(i.image_occurrence_id AS VARCHAR) = $item OR o.image_series_uid = $item
ORDER BY i.image_occurrence_id
