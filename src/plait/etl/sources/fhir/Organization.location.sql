-- One row: where an organisation is.
WITH told AS (
    SELECT
        *,
        fhir_at(address, '$[0]') AS place,
        fhir_extension(fhir_at(address, '$[0].extension'), 'http://hl7.org/fhir/StructureDefinition/geolocation') AS point
    FROM Organization
)

SELECT
    _pointer,
    fhir_address_key(place) AS location,
    fhir_at(place, '$.line[0]') AS address_1,
    fhir_at(place, '$.line[1]') AS address_2,
    fhir_at(place, '$.city') AS city,
    fhir_at(place, '$.state') AS state,
    fhir_at(place, '$.postalCode') AS zip,
    fhir_at(place, '$.district') AS county,
    fhir_at(place, '$.country') AS country,
    'ISO_3166' AS country_system,
    fhir_coordinate(point, 'latitude') AS latitude,
    fhir_coordinate(point, 'longitude') AS longitude,
    fhir_at(place, '$.postalCode') AS source_value,
    coalesce(_rule, CASE WHEN fhir_address_key(place) IS NULL THEN 'no_address' END) AS _ignore
FROM told
