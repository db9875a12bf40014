-- What the SELECTs of a CDM share: SQL macros, made once per connection.
-- An id as it is always written, null where it is no whole number: `12`, `12.0` and ` 12` are one id.
CREATE OR REPLACE MACRO cdm_id(value) AS CAST(plait_whole(value) AS VARCHAR);

-- The day of a date or a time, in ISO 8601 where it is written as 20200131.
CREATE OR REPLACE MACRO cdm_day(value) AS
CASE WHEN length(value) = 8 THEN concat_ws('-', substr(value, 1, 4), substr(value, 5, 2), substr(value, 7, 2)) ELSE substr(ltrim(value), 1, 10) END;

-- When something was, as far as it is told: midnight is what a date becomes in a field for times, and tells no time of day.
CREATE OR REPLACE MACRO cdm_time(on_date, at_time) AS
CASE WHEN at_time IS NULL THEN cdm_day(on_date) WHEN rtrim(substr(at_time, 12), '0:.') = '' THEN cdm_day(at_time) ELSE at_time END;

-- The person whom rows of one id name, null where they name several.
CREATE OR REPLACE MACRO cdm_one(lowest, highest) AS CASE WHEN lowest = highest THEN lowest END;
