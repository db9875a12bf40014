-- One row: the address of an organization.
SELECT
    _pointer,
    md5(concat_ws('|', ADDRESS, CITY, STATE, ZIP, LAT, LON)) AS location,
    ADDRESS AS address_1,
    CITY AS city,
    STATE AS state,
    ZIP AS zip,
    LAT AS latitude,
    LON AS longitude,
    ZIP AS source_value
FROM organizations
