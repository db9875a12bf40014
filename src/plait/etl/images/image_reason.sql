-- One row: an image, and whether a file of it is not where or what it was.
SELECT
    i.image_occurrence_id,
    coalesce(bool_or(c.status IN ('changed', 'missing', 'moved', 'unreadable')), FALSE) AS is_unreachable
FROM plait.image_item AS i
LEFT JOIN plait.image_check AS c ON i.image_occurrence_id = c.image_occurrence_id
WHERE i.image_occurrence_id = $image
GROUP BY i.image_occurrence_id
