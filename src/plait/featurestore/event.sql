-- One row: something that happened to a person, in any of the CDM's tables of events, and when it became known: never before it
-- happened, and where nobody says when, at the end of its day if it has no time. `place` orders the tables; `number` is its value.
WITH event AS (
    SELECT
        'condition_occurrence' AS table_name,
        1 AS place,
        condition_occurrence_id AS row_id,
        person_id,
        condition_concept_id AS concept_id,
        condition_start_date AS day,
        condition_start_datetime AS moment,
        condition_end_date AS end_day,
        CAST(NULL AS DOUBLE) AS number,
        CAST(NULL AS BIGINT) AS unit_concept_id
    FROM cdm.condition_occurrence
    UNION ALL
    SELECT
        'device_exposure',
        2,
        device_exposure_id,
        person_id,
        device_concept_id,
        device_exposure_start_date,
        device_exposure_start_datetime,
        device_exposure_end_date,
        NULL,
        NULL
    FROM cdm.device_exposure
    UNION ALL
    SELECT
        'drug_exposure',
        3,
        drug_exposure_id,
        person_id,
        drug_concept_id,
        drug_exposure_start_date,
        drug_exposure_start_datetime,
        drug_exposure_end_date,
        NULL,
        NULL
    FROM cdm.drug_exposure
    UNION ALL
    SELECT
        'measurement',
        4,
        measurement_id,
        person_id,
        measurement_concept_id,
        measurement_date,
        measurement_datetime,
        NULL,
        value_as_number,
        unit_concept_id
    FROM cdm.measurement
    UNION ALL
    SELECT
        'observation',
        5,
        observation_id,
        person_id,
        observation_concept_id,
        observation_date,
        observation_datetime,
        NULL,
        value_as_number,
        unit_concept_id
    FROM cdm.observation
    UNION ALL
    SELECT
        'procedure_occurrence',
        6,
        procedure_occurrence_id,
        person_id,
        procedure_concept_id,
        procedure_date,
        procedure_datetime,
        procedure_end_date,
        NULL,
        NULL
    FROM cdm.procedure_occurrence
    UNION ALL
    SELECT
        'visit_occurrence',
        7,
        visit_occurrence_id,
        person_id,
        visit_concept_id,
        visit_start_date,
        visit_start_datetime,
        visit_end_date,
        NULL,
        NULL
    FROM cdm.visit_occurrence
)

SELECT
    e.table_name,
    e.place,
    e.row_id,
    e.person_id,
    e.concept_id,
    coalesce(e.moment, CAST(e.day AS TIMESTAMP)) AS event_time,
    greatest(
        coalesce(e.moment, CAST(e.day AS TIMESTAMP)),
        coalesce(
            m.known_time,
            CASE WHEN e.moment != CAST(e.day AS TIMESTAMP) THEN e.moment ELSE CAST(e.day AS TIMESTAMP) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND END
        )
    ) AS known_time,
    e.end_day,
    m.end_known_time,
    e.number,
    e.unit_concept_id
FROM event AS e
LEFT JOIN plait.row_meta AS m ON e.table_name = m.table_name AND e.row_id = m.row_id
