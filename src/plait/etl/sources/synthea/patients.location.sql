-- One row: the home address of a patient; the same address is one location.
SELECT
    _pointer,
    md5(concat_ws('|', ADDRESS, CITY, STATE, ZIP, COUNTY, LAT, LON)) AS location,
    ADDRESS AS address_1,
    CITY AS city,
    STATE AS state,
    ZIP AS zip,
    COUNTY AS county,
    LAT AS latitude,
    LON AS longitude,
    ZIP AS source_value
FROM patients
