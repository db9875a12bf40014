-- One row: an item of an assay's matrix whose person and specimen are in the CDM, in the file's order, with the parts of its
-- name, should that be a TCGA barcode.
SELECT
    a.record,
    a.item,
    o.person_id,
    o.omics_occurrence_id,
    o.specimen_id,
    o.specimen_source_value AS specimen,
    o.panel,
    plait_tcga_sample_type(a.item) AS tcga_sample_type,
    plait_tcga_vial(a.item) AS tcga_vial,
    plait_tcga_portion(a.item) AS tcga_portion,
    plait_tcga_analyte(a.item) AS tcga_analyte,
    plait_tcga_plate(a.item) AS tcga_plate,
    plait_tcga_center(a.item) AS tcga_center
FROM now_assay AS a
INNER JOIN now_omics_occurrence AS o
    ON a.person_id = o.person_id AND a.assay = o.assay AND coalesce(a.specimen, a.item) = coalesce(o.specimen_source_value, o.omics_source_value)
WHERE a.reject IS NULL AND a."ignore" IS NULL AND a.assay = $assay
ORDER BY a.record
