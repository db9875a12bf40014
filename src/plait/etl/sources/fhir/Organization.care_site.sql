-- One row: an organisation; whether care is given there or paid from there, others refer to it by its key.
SELECT
    _pointer,
    _key AS care_site,
    name AS care_site_name,
    fhir_codings(fhir_at(type, '$[0]'), 'type')[1].code AS place_of_service,
    fhir_codings(fhir_at(type, '$[0]'), 'type')[1].system AS place_of_service_system,
    fhir_address_key(fhir_at(address, '$[0]')) AS location,
    _rule AS _ignore
FROM Organization
