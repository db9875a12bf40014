-- One row: the beginning of a visit, with where the person came from, or its end, with where the person went to.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    6 AS place,
    moment(visit_detail_start_date, visit_detail_start_datetime) AS time,
    visit_detail_concept_id AS concept_id,
    visit_detail_source_concept_id AS source_concept_id,
    visit_detail_source_value AS source_value,
    admitted_from_concept_id AS modifier_concept_id,
    admitted_from_source_value AS modifier_source_value,
    moment(visit_detail_end_date, visit_detail_end_datetime) AS end_time,
    FALSE AS is_end,
    known_time,
    visit_occurrence_id AS visit_id,
    visit_detail_type_concept_id AS type_concept_id,
    visit_detail_id AS row_id
FROM leaving_visit_detail
UNION ALL BY NAME
SELECT
    person_id,
    94 AS place,
    moment(visit_detail_end_date, visit_detail_end_datetime) AS time,
    visit_detail_concept_id AS concept_id,
    visit_detail_source_concept_id AS source_concept_id,
    visit_detail_source_value AS source_value,
    discharged_to_concept_id AS modifier_concept_id,
    discharged_to_source_value AS modifier_source_value,
    CAST(NULL AS TIMESTAMP) AS end_time,
    TRUE AS is_end,
    end_known_time AS known_time,
    visit_occurrence_id AS visit_id,
    visit_detail_type_concept_id AS type_concept_id,
    visit_detail_id AS row_id
FROM leaving_visit_detail
WHERE visit_detail_end_date IS NOT NULL
