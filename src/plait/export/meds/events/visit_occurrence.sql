-- One row: the beginning of a visit, with where the person came from, or its end, with where the person went to.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    5 AS place,
    moment(visit_start_date, visit_start_datetime) AS time,
    visit_concept_id AS concept_id,
    visit_source_concept_id AS source_concept_id,
    visit_source_value AS source_value,
    admitted_from_concept_id AS modifier_concept_id,
    admitted_from_source_value AS modifier_source_value,
    moment(visit_end_date, visit_end_datetime) AS end_time,
    FALSE AS is_end,
    known_time,
    visit_occurrence_id AS visit_id,
    visit_type_concept_id AS type_concept_id,
    visit_occurrence_id AS row_id
FROM leaving_visit_occurrence
UNION ALL BY NAME
SELECT
    person_id,
    95 AS place,
    moment(visit_end_date, visit_end_datetime) AS time,
    visit_concept_id AS concept_id,
    visit_source_concept_id AS source_concept_id,
    visit_source_value AS source_value,
    discharged_to_concept_id AS modifier_concept_id,
    discharged_to_source_value AS modifier_source_value,
    CAST(NULL AS TIMESTAMP) AS end_time,
    TRUE AS is_end,
    end_known_time AS known_time,
    visit_occurrence_id AS visit_id,
    visit_type_concept_id AS type_concept_id,
    visit_occurrence_id AS row_id
FROM leaving_visit_occurrence
WHERE visit_end_date IS NOT NULL
