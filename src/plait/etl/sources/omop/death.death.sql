-- One row: a death.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(death_date, death_datetime) AS start,
    coalesce(cdm_day(death_date), cdm_day(death_datetime)) AS death_date,
    death_datetime,
    death_type_concept_id,
    cause_concept_id,
    cause_source_value,
    cause_source_concept_id
FROM death
