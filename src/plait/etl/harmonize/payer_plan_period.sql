-- One row: a span of time in which a payer covered a person.
SELECT
    payer_plan_period_id,
    person_id,
    CAST(start AS DATE) AS payer_plan_period_start_date,
    CAST("end" AS DATE) AS payer_plan_period_end_date,
    0 AS payer_concept_id,
    payer AS payer_source_value,
    0 AS payer_source_concept_id,
    0 AS plan_concept_id,
    plan AS plan_source_value,
    0 AS plan_source_concept_id,
    CASE WHEN sponsor IS NOT NULL THEN 0 END AS sponsor_concept_id,
    sponsor AS sponsor_source_value,
    CASE WHEN sponsor IS NOT NULL THEN 0 END AS sponsor_source_concept_id,
    family AS family_source_value,
    CASE WHEN stop_reason IS NOT NULL THEN 0 END AS stop_reason_concept_id,
    stop_reason AS stop_reason_source_value,
    CASE WHEN stop_reason IS NOT NULL THEN 0 END AS stop_reason_source_concept_id
FROM payer_row
