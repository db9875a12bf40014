-- One row: what an image says (OHDSI MI-CDM).
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    image_feature_id,
    image_occurrence_id,
    image_feature_event_field_concept_id,
    image_feature_event_id,
    image_feature_concept_id,
    image_feature_type_concept_id,
    image_finding_concept_id,
    image_finding_id,
    anatomic_site_concept_id,
    alg_system,
    alg_datetime
FROM image_feature
