-- One row: what something cost. It is of the person of what it was charged for; where that points at nothing, of the person
-- whose cover paid.
WITH event AS (
    SELECT
        'Visit' AS domain_id,
        visit_occurrence_id AS row_id,
        person_id
    FROM visit_occurrence
    UNION ALL
    SELECT
        'Visit Detail',
        visit_detail_id,
        person_id
    FROM visit_detail
    UNION ALL
    SELECT
        'Condition',
        condition_occurrence_id,
        person_id
    FROM condition_occurrence
    UNION ALL
    SELECT
        'Drug',
        drug_exposure_id,
        person_id
    FROM drug_exposure
    UNION ALL
    SELECT
        'Procedure',
        procedure_occurrence_id,
        person_id
    FROM procedure_occurrence
    UNION ALL
    SELECT
        'Device',
        device_exposure_id,
        person_id
    FROM device_exposure
    UNION ALL
    SELECT
        'Measurement',
        measurement_id,
        person_id
    FROM measurement
    UNION ALL
    SELECT
        'Observation',
        observation_id,
        person_id
    FROM observation
    UNION ALL
    SELECT
        'Specimen',
        specimen_id,
        person_id
    FROM specimen
    UNION ALL
    SELECT
        'Note',
        note_id,
        person_id
    FROM note
    UNION ALL
    SELECT
        'Episode',
        episode_id,
        person_id
    FROM episode
),

owner AS (
    SELECT
        domain_id,
        cdm_id(row_id) AS row_id,
        cdm_one(min(cdm_id(person_id)), max(cdm_id(person_id))) AS person
    FROM event
    GROUP BY domain_id, cdm_id(row_id)
),

payer AS (
    SELECT
        cdm_id(payer_plan_period_id) AS payer_plan_period_id,
        cdm_one(min(cdm_id(person_id)), max(cdm_id(person_id))) AS person
    FROM payer_plan_period
    GROUP BY cdm_id(payer_plan_period_id)
)

SELECT
    t._pointer,
    coalesce(o.person, p.person) AS person,
    t.cost_id,
    t.cost_event_id,
    t.cost_domain_id,
    t.cost_type_concept_id,
    t.currency_concept_id,
    t.total_charge,
    t.total_cost,
    t.total_paid,
    t.paid_by_payer,
    t.paid_by_patient,
    t.paid_patient_copay,
    t.paid_patient_coinsurance,
    t.paid_patient_deductible,
    t.paid_by_primary,
    t.paid_ingredient_cost,
    t.paid_dispensing_fee,
    t.payer_plan_period_id,
    t.amount_allowed,
    t.revenue_code_concept_id,
    t.revenue_code_source_value,
    t.drg_concept_id,
    t.drg_source_value,
    CASE WHEN coalesce(o.person, p.person) IS NULL THEN 'unknown_owner' END AS _reject
FROM cost AS t
LEFT JOIN owner AS o ON t.cost_domain_id = o.domain_id AND cdm_id(t.cost_event_id) = o.row_id
LEFT JOIN payer AS p ON cdm_id(t.payer_plan_period_id) = p.payer_plan_period_id
