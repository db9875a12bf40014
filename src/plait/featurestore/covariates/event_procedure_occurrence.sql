-- One row: a procedure, an event of its day.
SELECT
    CAST(procedure_occurrence_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(procedure_concept_id AS BIGINT) AS concept_id,
    CAST(procedure_date AS DATE) AS start_date,
    procedure_datetime AS start_time
FROM cdm.procedure_occurrence
