-- One row: a drug that a person was given; the number is its quantity, in units of the dose.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    30 AS place,
    moment(drug_exposure_start_date, drug_exposure_start_datetime) AS time,
    drug_concept_id AS concept_id,
    drug_source_concept_id AS source_concept_id,
    drug_source_value AS source_value,
    quantity AS number,
    sig AS text_value,
    dose_unit_source_value AS unit_source_value,
    route_concept_id AS modifier_concept_id,
    route_source_value AS modifier_source_value,
    moment(drug_exposure_end_date, drug_exposure_end_datetime) AS end_time,
    known_time,
    visit_occurrence_id AS visit_id,
    drug_type_concept_id AS type_concept_id,
    drug_exposure_id AS row_id
FROM leaving_drug_exposure
