-- One row: where a patient lives, by the first address.
WITH told AS (
    SELECT
        *,
        fhir_at(address, '$[0]') AS home,
        fhir_extension(fhir_at(address, '$[0].extension'), 'http://hl7.org/fhir/StructureDefinition/geolocation') AS place
    FROM Patient
)

SELECT
    _pointer,
    fhir_address_key(home) AS location,
    fhir_at(home, '$.line[0]') AS address_1,
    fhir_at(home, '$.line[1]') AS address_2,
    fhir_at(home, '$.city') AS city,
    fhir_at(home, '$.state') AS state,
    fhir_at(home, '$.postalCode') AS zip,
    fhir_at(home, '$.district') AS county,
    fhir_at(home, '$.country') AS country,
    'ISO_3166' AS country_system,
    fhir_coordinate(place, 'latitude') AS latitude,
    fhir_coordinate(place, 'longitude') AS longitude,
    fhir_at(home, '$.postalCode') AS source_value,
    coalesce(_rule, CASE WHEN fhir_address_key(home) IS NULL THEN 'no_address' END) AS _ignore
FROM told
