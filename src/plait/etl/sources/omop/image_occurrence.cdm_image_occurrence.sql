-- One row: an image (OHDSI MI-CDM).
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(image_occurrence_date) AS start,
    image_occurrence_id,
    procedure_occurrence_id,
    visit_occurrence_id,
    anatomic_site_concept_id,
    wadors_uri,
    local_path,
    cdm_day(image_occurrence_date) AS image_occurrence_date,
    image_study_uid,
    image_series_uid,
    modality_concept_id
FROM image_occurrence
