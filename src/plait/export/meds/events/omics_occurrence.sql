-- One row: a specimen's molecular data, by the assay; the number is how many features it has.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    86 AS place,
    moment(omics_occurrence_date, omics_occurrence_datetime) AS time,
    'OMICS//' || assay AS fixed_code,
    feature_count AS number,
    layer AS text_value,
    known_time,
    omics_occurrence_type_concept_id AS type_concept_id,
    omics_occurrence_id AS row_id
FROM leaving_omics_occurrence
