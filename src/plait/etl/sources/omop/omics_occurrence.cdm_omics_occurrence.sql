-- One row: what an assay measured of a specimen.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    omics_occurrence_id,
    specimen_id,
    coalesce(cdm_day(omics_occurrence_date), cdm_day(omics_occurrence_datetime)) AS omics_occurrence_date,
    omics_occurrence_datetime,
    omics_occurrence_type_concept_id,
    assay,
    layer,
    panel,
    item_count,
    feature_count,
    missing_count,
    coverage,
    value_sha256,
    omics_source_value,
    specimen_source_value
FROM omics_occurrence
