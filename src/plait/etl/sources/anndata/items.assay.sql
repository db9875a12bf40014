-- One row: an item of the matrix; the items of one specimen (its cells) are one assay of it.
SELECT
    i._pointer,
    i.person,
    i.specimen,
    i.item,
    i.assay,
    i.layer,
    i.date AS start,
    i.features,
    i.missing,
    i.infinite,
    i.value_sha256,
    'ehr' AS type,
    CASE WHEN i.specimen IS NOT NULL THEN concat(i.assay, '/', i.specimen) END AS _merge_key,
    CASE WHEN i.layer = 'counts' AND i.negative != '0' THEN 'negative_count' END AS _reject
FROM items AS i
