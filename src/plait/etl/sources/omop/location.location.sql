-- One row: a location.
SELECT
    _pointer,
    coalesce(cdm_id(location_id), location_id) AS location,
    location_id,
    address_1,
    address_2,
    city,
    state,
    zip,
    county,
    location_source_value,
    country_concept_id,
    country_source_value,
    latitude,
    longitude
FROM location
