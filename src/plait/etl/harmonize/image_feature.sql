-- One row: what an image says of itself, or of the image that it was made from (OHDSI MI-CDM).
SELECT
    image_feature_id,
    person_id,
    image_occurrence_id,
    event_field_concept_id AS image_feature_event_field_concept_id,
    event_id AS image_feature_event_id,
    concept_id AS image_feature_concept_id,
    type_concept_id AS image_feature_type_concept_id,
    finding_concept_id AS image_finding_concept_id,
    CAST(NULL AS BIGINT) AS image_finding_id,
    site_concept_id AS anatomic_site_concept_id,
    algorithm AS alg_system,
    CAST(NULL AS TIMESTAMP) AS alg_datetime
FROM image_feature_row
ORDER BY image_feature_id
