-- One row: a place with an address.
SELECT
    _pointer,
    fhir_address_key(address) AS location,
    fhir_at(address, '$.line[0]') AS address_1,
    fhir_at(address, '$.line[1]') AS address_2,
    fhir_at(address, '$.city') AS city,
    fhir_at(address, '$.state') AS state,
    fhir_at(address, '$.postalCode') AS zip,
    fhir_at(address, '$.district') AS county,
    fhir_at(address, '$.country') AS country,
    'ISO_3166' AS country_system,
    fhir_at(position, '$.latitude') AS latitude,
    fhir_at(position, '$.longitude') AS longitude,
    coalesce(_rule, CASE WHEN fhir_address_key(address) IS NULL THEN 'no_address' END) AS _ignore
FROM Location
