-- One row: one of these images, and the source that its files are of.
SELECT
    image_occurrence_id,
    source
FROM plait.image_item
WHERE list_contains($images, image_occurrence_id)
ORDER BY image_occurrence_id
