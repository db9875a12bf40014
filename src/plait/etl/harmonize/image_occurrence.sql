-- One row: a series of images, or a slide (OHDSI MI-CDM).
SELECT
    image_occurrence_id,
    person_id,
    procedure_occurrence_id,
    visit_occurrence_id,
    site_concept_id AS anatomic_site_concept_id,
    CASE WHEN regexp_matches(uri, '^[a-z0-9]+:') THEN uri END AS wadors_uri,
    CASE WHEN NOT regexp_matches(uri, '^[a-z0-9]+:') THEN uri END AS local_path,
    CAST(start AS DATE) AS image_occurrence_date,
    study AS image_study_uid,
    image AS image_series_uid,
    modality_concept_id
FROM image_row
ORDER BY image_occurrence_id
