-- One row: what the study calls an image by, of whom: the file that it stands in, its number in the archive, the UIDs of its instances.
SELECT
    i.image_occurrence_id >> 22 AS person_id,
    'number' AS kind,
    i.accession AS text_value
FROM plait.image_item AS i
WHERE i.accession IS NOT NULL
UNION
SELECT
    f.image_occurrence_id >> 22 AS person_id,
    'file' AS kind,
    f.uri AS text_value
FROM plait.image_file AS f
UNION
SELECT
    f.image_occurrence_id >> 22 AS person_id,
    'number' AS kind,
    f.instance_uid AS text_value
FROM plait.image_file AS f
WHERE f.instance_uid IS NOT NULL
