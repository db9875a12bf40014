-- One row: a span of cover by a payer.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(payer_plan_period_start_date) AS start,
    cdm_day(payer_plan_period_end_date) AS "end",
    payer_plan_period_id,
    cdm_day(payer_plan_period_start_date) AS payer_plan_period_start_date,
    cdm_day(payer_plan_period_end_date) AS payer_plan_period_end_date,
    payer_concept_id,
    payer_source_value,
    payer_source_concept_id,
    plan_concept_id,
    plan_source_value,
    plan_source_concept_id,
    sponsor_concept_id,
    sponsor_source_value,
    sponsor_source_concept_id,
    family_source_value,
    stop_reason_concept_id,
    stop_reason_source_value,
    stop_reason_source_concept_id
FROM payer_plan_period
