-- One row: the specimen of an item, where the source says when it was taken and of what type it is.
WITH told AS (
    SELECT
        i._pointer,
        coalesce(i.person, s.person) AS person,
        CASE WHEN o.barcode = 'tcga' THEN coalesce(i.specimen, s.specimen, i.item) ELSE coalesce(i.specimen, s.specimen) END AS specimen,
        coalesce(i.date, s.date) AS date,
        o.barcode,
        o.specimen_type
    FROM items AS i
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON i.sheet_item = s.key
)

SELECT
    t._pointer,
    CASE WHEN t.barcode = 'tcga' THEN plait_tcga_patient(t.person) ELSE t.person END AS person,
    CASE WHEN t.barcode = 'tcga' THEN plait_tcga_sample(t.specimen) ELSE t.specimen END AS specimen,
    t.date AS start,
    t.specimen_type AS code,
    'SNOMED' AS code_system,
    CASE WHEN t.barcode = 'tcga' THEN plait_tcga_status(t.specimen) END AS status,
    'TCGA_SAMPLE_STATUS' AS status_system,
    'ehr' AS type,
    CASE WHEN t.barcode = 'tcga' THEN plait_tcga_sample(t.specimen) ELSE t.specimen END AS _merge_key,
    CASE WHEN t.date IS NULL OR t.specimen_type IS NULL OR t.specimen IS NULL THEN 'no_specimen_data' END AS _ignore
FROM told AS t
