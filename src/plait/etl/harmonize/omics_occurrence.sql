-- One row: an assay of a specimen; its values stand in the assay's file (plait.omics_file), at the items of this specimen.
SELECT
    omics_occurrence_id,
    person_id,
    specimen_id,
    CAST(start AS DATE) AS omics_occurrence_date,
    start AS omics_occurrence_datetime,
    type_concept_id AS omics_occurrence_type_concept_id,
    assay,
    layer,
    panel,
    items AS item_count,
    features AS feature_count,
    missing AS missing_count,
    1 - missing / nullif(features * items, 0) AS coverage,
    value_sha256,
    item AS omics_source_value,
    specimen AS specimen_source_value
FROM assay_row
ORDER BY omics_occurrence_id
