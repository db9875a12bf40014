-- One row: an image, and what MI-CDM has no column for.
SELECT
    r.image_occurrence_id,
    r.source,
    r.modality,
    r.specimen_id,
    r.accession,
    r.instances AS instance_count,
    r.size_bytes,
    r.geometry,
    b.image_occurrence_id AS derived_from_id,
    r.derived_from
FROM image_row AS r
LEFT JOIN image_row AS b ON r.person_id = b.person_id AND r.system = b.system AND r.derived_from = b.image
ORDER BY r.image_occurrence_id
