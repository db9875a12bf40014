-- One row: a person, with the fields of PERSON; of a birth without a month or a day the first one counts.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    coalesce(
        birth_datetime,
        cdm_id(year_of_birth) || concat('-', lpad(coalesce(cdm_id(month_of_birth), '1'), 2, '0'), '-', lpad(coalesce(cdm_id(day_of_birth), '1'), 2, '0'))
    ) AS birth,
    cdm_id(location_id) AS location,
    cdm_id(provider_id) AS provider,
    cdm_id(care_site_id) AS care_site,
    gender_concept_id,
    coalesce(cdm_id(year_of_birth), year_of_birth, substr(birth_datetime, 1, 4)) AS year_of_birth,
    month_of_birth,
    day_of_birth,
    birth_datetime,
    race_concept_id,
    ethnicity_concept_id,
    location_id,
    provider_id,
    care_site_id,
    person_source_value,
    gender_source_value,
    gender_source_concept_id,
    race_source_value,
    race_source_concept_id,
    ethnicity_source_value,
    ethnicity_source_concept_id,
    CASE
        WHEN
            (person_id IS NOT NULL AND cdm_id(person_id) IS NULL)
            OR (year_of_birth IS NOT NULL AND cdm_id(year_of_birth) IS NULL)
            OR (month_of_birth IS NOT NULL AND cdm_id(month_of_birth) IS NULL)
            OR (day_of_birth IS NOT NULL AND cdm_id(day_of_birth) IS NULL)
            THEN 'invalid_number'
    END AS _reject
FROM person
