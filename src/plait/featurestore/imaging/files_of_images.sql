-- One row: a file of one of these images, the largest first.
SELECT
    image_occurrence_id,
    uri
FROM plait.image_file
WHERE list_contains($images, image_occurrence_id)
ORDER BY image_occurrence_id, size_bytes DESC, uri
