-- One row: an organization.
SELECT
    _pointer,
    Id AS care_site,
    NAME AS care_site_name,
    md5(concat_ws('|', ADDRESS, CITY, STATE, ZIP, LAT, LON)) AS location
FROM organizations
