-- One row: a provider.
SELECT
    _pointer,
    Id AS provider,
    NAME AS provider_name,
    SPECIALITY AS specialty,
    'SYNTHEA_SPECIALITY' AS specialty_system,
    ORGANIZATION AS care_site,
    GENDER AS gender,
    'SYNTHEA_GENDER' AS gender_system
FROM providers
