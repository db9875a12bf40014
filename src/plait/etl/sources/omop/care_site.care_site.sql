-- One row: a care site.
SELECT
    _pointer,
    coalesce(cdm_id(care_site_id), care_site_id) AS care_site,
    cdm_id(location_id) AS location,
    care_site_id,
    care_site_name,
    place_of_service_concept_id,
    location_id,
    care_site_source_value,
    place_of_service_source_value
FROM care_site
