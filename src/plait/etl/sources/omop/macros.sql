-- What the SELECTs of a CDM share: SQL macros, made once per connection.
-- An id as it is always written, null where it is no whole number: `12`, `12.0` and ` 12` are one id.
CREATE OR REPLACE MACRO cdm_id(value) AS CAST(plait_whole(value) AS VARCHAR);

-- The day of a time.
CREATE OR REPLACE MACRO cdm_day(at_time) AS substr(trim(at_time), 1, 10);

-- When something was, as far as it is told: midnight is what a date becomes in a field for times, and tells no time of day.
CREATE OR REPLACE MACRO cdm_time(on_date, at_time) AS
CASE
    WHEN at_time IS NULL THEN CASE WHEN plait_time(on_date) = date_trunc('day', plait_time(on_date)) THEN cdm_day(on_date) ELSE on_date END
    WHEN plait_time(at_time) = date_trunc('day', plait_time(at_time)) THEN cdm_day(at_time)
    ELSE at_time
END;

-- The person whom rows of one id name, null where they name several.
CREATE OR REPLACE MACRO cdm_one(lowest, highest) AS CASE WHEN lowest = highest THEN lowest END;
