-- One row: the specimen of an item, where the source says when it was taken and of what type it is.
SELECT
    i._pointer,
    CASE WHEN o.barcode = 'tcga' THEN plait_tcga_patient(i.person) ELSE i.person END AS person,
    CASE WHEN o.barcode = 'tcga' THEN plait_tcga_sample(coalesce(i.specimen, i.item)) ELSE i.specimen END AS specimen,
    i.date AS start,
    o.specimen_type AS code,
    'SNOMED' AS code_system,
    CASE WHEN o.barcode = 'tcga' THEN plait_tcga_status(coalesce(i.specimen, i.item)) END AS status,
    'TCGA_SAMPLE_STATUS' AS status_system,
    'ehr' AS type,
    CASE WHEN o.barcode = 'tcga' THEN plait_tcga_sample(coalesce(i.specimen, i.item)) ELSE i.specimen END AS _merge_key,
    CASE
        WHEN i.date IS NULL OR o.specimen_type IS NULL OR (i.specimen IS NULL AND coalesce(o.barcode, '') != 'tcga') THEN 'no_specimen_data'
    END AS _ignore
FROM items AS i
CROSS JOIN options AS o
