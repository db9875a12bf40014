-- One row: a span of time in which a person was observed.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_day(observation_period_start_date) AS start,
    cdm_day(observation_period_end_date) AS "end",
    observation_period_id,
    cdm_day(observation_period_start_date) AS observation_period_start_date,
    cdm_day(observation_period_end_date) AS observation_period_end_date,
    period_type_concept_id,
    CASE WHEN (SELECT o.derived FROM options AS o) = 'rebuilt' THEN 'rebuilt' END AS _ignore
FROM observation_period
