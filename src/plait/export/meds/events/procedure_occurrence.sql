-- One row: a procedure that a person had; the number is how many.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    20 AS place,
    moment(procedure_date, procedure_datetime) AS time,
    procedure_concept_id AS concept_id,
    procedure_source_concept_id AS source_concept_id,
    procedure_source_value AS source_value,
    quantity AS number,
    modifier_concept_id,
    modifier_source_value,
    moment(procedure_end_date, procedure_end_datetime) AS end_time,
    known_time,
    visit_occurrence_id AS visit_id,
    procedure_type_concept_id AS type_concept_id,
    procedure_occurrence_id AS row_id
FROM leaving_procedure_occurrence
