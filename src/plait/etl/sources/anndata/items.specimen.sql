-- One row: the specimen of an item, where the source says when it was taken and of what type it is.
WITH told AS (
    SELECT
        i._pointer,
        coalesce(i.person, s.person) AS person,
        CASE WHEN o.barcode = 'tcga' THEN coalesce(i.specimen, s.specimen, i.item) ELSE coalesce(i.specimen, s.specimen) END AS specimen,
        coalesce(i.date, s.date) AS date,
        o.barcode,
        o.person_pattern,
        o.specimen_pattern,
        o.specimen_type
    FROM items AS i
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON i.sheet_item = s.key
),

found AS (
    SELECT
        t.* EXCLUDE (person, specimen),
        t.specimen IS NOT NULL AS names_specimen,
        plait_within(t.person, t.person_pattern) AS person,
        plait_within(t.specimen, t.specimen_pattern) AS specimen
    FROM told AS t
)

SELECT
    f._pointer,
    CASE WHEN f.barcode = 'tcga' THEN plait_tcga_patient(f.person) ELSE f.person END AS person,
    CASE WHEN f.barcode = 'tcga' THEN plait_tcga_sample(f.specimen) ELSE f.specimen END AS specimen,
    f.date AS start,
    f.specimen_type AS code,
    'SNOMED' AS code_system,
    CASE WHEN f.barcode = 'tcga' THEN plait_tcga_status(f.specimen) END AS status,
    'TCGA_SAMPLE_STATUS' AS status_system,
    'ehr' AS type,
    CASE WHEN f.barcode = 'tcga' THEN plait_tcga_sample(f.specimen) ELSE f.specimen END AS _merge_key,
    CASE WHEN f.date IS NULL OR f.specimen_type IS NULL OR NOT f.names_specimen THEN 'no_specimen_data' END AS _ignore
FROM found AS f
