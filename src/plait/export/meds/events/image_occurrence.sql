-- One row: a series of images, or a slide, by its modality; the text is the UID that stands for it in this export.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    85 AS place,
    moment(image_occurrence_date, NULL) AS time,
    modality_concept_id AS concept_id,
    image_series_uid AS text_value,
    anatomic_site_concept_id AS modifier_concept_id,
    known_time,
    visit_occurrence_id AS visit_id,
    image_occurrence_id AS row_id
FROM leaving_image_occurrence
