-- snapshot_event, one row: something that happened to a person of a sampled row, restated from the CDM alone: when it happened, and when it was
-- known, which is never before; where nobody says when, with its time if it has one, else at the end of its day.
CREATE OR REPLACE TEMP TABLE snapshot_event AS
WITH said AS (
    SELECT
        'condition_occurrence' AS table_name,
        condition_occurrence_id AS row_id,
        person_id,
        condition_concept_id AS concept_id,
        condition_start_date AS day,
        condition_start_datetime AS moment,
        CAST(NULL AS DOUBLE) AS number
    FROM cdm.condition_occurrence
    UNION ALL
    SELECT
        'drug_exposure',
        drug_exposure_id,
        person_id,
        drug_concept_id,
        drug_exposure_start_date,
        drug_exposure_start_datetime,
        NULL
    FROM cdm.drug_exposure
    UNION ALL
    SELECT
        'procedure_occurrence',
        procedure_occurrence_id,
        person_id,
        procedure_concept_id,
        procedure_date,
        procedure_datetime,
        NULL
    FROM cdm.procedure_occurrence
    UNION ALL
    SELECT
        'device_exposure',
        device_exposure_id,
        person_id,
        device_concept_id,
        device_exposure_start_date,
        device_exposure_start_datetime,
        NULL
    FROM cdm.device_exposure
    UNION ALL
    SELECT
        'measurement',
        measurement_id,
        person_id,
        measurement_concept_id,
        measurement_date,
        measurement_datetime,
        value_as_number
    FROM cdm.measurement
    UNION ALL
    SELECT
        'observation',
        observation_id,
        person_id,
        observation_concept_id,
        observation_date,
        observation_datetime,
        value_as_number
    FROM cdm.observation
    UNION ALL
    SELECT
        'visit_occurrence',
        visit_occurrence_id,
        person_id,
        visit_concept_id,
        visit_start_date,
        visit_start_datetime,
        NULL
    FROM cdm.visit_occurrence
),

dated AS (
    SELECT
        s.*,
        COALESCE(s.moment, CAST(s.day AS TIMESTAMP)) AS event_time,
        COALESCE(
            m.known_time,
            CASE WHEN CAST(s.moment AS TIME) <> TIME '00:00:00' THEN s.moment ELSE s.day + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND END
        ) AS told
    FROM said AS s
    SEMI JOIN snapshot_sample AS a ON s.person_id = a.person_id
    LEFT JOIN plait.row_meta AS m ON s.table_name = m.table_name AND s.row_id = m.row_id
)

SELECT
    table_name,
    person_id,
    concept_id,
    day,
    event_time,
    GREATEST(event_time, told) AS known_time,
    number
FROM dated
