-- One row: a patient. Sex is that at birth where US Core's extensions say it; several races are one code, in order, joined by +.
WITH told AS (
    SELECT
        *,
        fhir_inner_codes(fhir_extension(extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race'), 'ombCategory') AS races,
        fhir_inner_codes(fhir_extension(extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity'), 'ombCategory') AS ethnicities,
        coalesce(
            json_extract_string(fhir_extension(extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex'), '$.valueCode'),
            json_extract_string(fhir_extension(extension, 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex'), '$.valueCode'),
            gender
        ) AS sex
    FROM Patient
)

SELECT
    t._pointer,
    t._person AS person,
    fhir_time(t.birthDate, o.partial_dates) AS birth,
    t.sex AS gender,
    'FHIR_SEX' AS gender_system,
    nullif(array_to_string(list_filter(t.races, LAMBDA c: c NOT IN ('UNK', 'ASKU')), '+'), '') AS race,
    'FHIR_RACE' AS race_system,
    list_filter(t.ethnicities, LAMBDA c: c NOT IN ('UNK', 'ASKU'))[1] AS ethnicity,
    'FHIR_RACE' AS ethnicity_system,
    fhir_address_key(fhir_at(t.address, '$[0]')) AS location,
    t._provider AS provider,
    t._care_site AS care_site,
    t._rule AS _ignore
FROM told AS t
CROSS JOIN options AS o
