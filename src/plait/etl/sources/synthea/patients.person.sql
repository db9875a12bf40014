-- One row: a patient.
SELECT
    _pointer,
    Id AS person,
    BIRTHDATE AS birth,
    GENDER AS gender,
    'SYNTHEA_GENDER' AS gender_system,
    RACE AS race,
    'SYNTHEA_RACE' AS race_system,
    ETHNICITY AS ethnicity,
    'SYNTHEA_ETHNICITY' AS ethnicity_system,
    md5(concat_ws('|', ADDRESS, CITY, STATE, ZIP, COUNTY, LAT, LON)) AS location
FROM patients
