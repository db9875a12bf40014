-- One row: the specimen of an item, where the source says when it was taken and of what type it is.
SELECT
    i._pointer,
    i.person,
    i.specimen,
    i.date AS start,
    o.specimen_type AS code,
    'SNOMED' AS code_system,
    'ehr' AS type,
    i.specimen AS _merge_key,
    CASE WHEN i.specimen IS NULL OR i.date IS NULL OR o.specimen_type IS NULL THEN 'no_specimen_data' END AS _ignore
FROM items AS i
CROSS JOIN options AS o
