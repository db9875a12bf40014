-- One row: a specimen.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(specimen_date, specimen_datetime) AS start,
    specimen_id,
    specimen_concept_id,
    specimen_type_concept_id,
    coalesce(cdm_day(specimen_date), cdm_day(specimen_datetime)) AS specimen_date,
    specimen_datetime,
    quantity,
    unit_concept_id,
    anatomic_site_concept_id,
    disease_status_concept_id,
    specimen_source_id,
    specimen_source_value,
    unit_source_value,
    anatomic_site_source_value,
    disease_status_source_value
FROM specimen
