-- One row: a procedure; its end is new in CDM 5.4.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(procedure_date, procedure_datetime) AS start,
    cdm_time(procedure_end_date, procedure_end_datetime) AS "end",
    procedure_occurrence_id,
    procedure_concept_id,
    coalesce(cdm_day(procedure_date), cdm_day(procedure_datetime)) AS procedure_date,
    procedure_datetime,
    coalesce(cdm_day(procedure_end_date), cdm_day(procedure_end_datetime)) AS procedure_end_date,
    procedure_end_datetime,
    procedure_type_concept_id,
    modifier_concept_id,
    quantity,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    procedure_source_value,
    procedure_source_concept_id,
    modifier_source_value
FROM procedure_occurrence
