-- How plait reads text as times and numbers: SQL macros, made once per connection.
-- A macro gives null where the text is no finite time or number; the caller says what that means.
CREATE OR REPLACE MACRO plait_time(value) AS
CASE WHEN isfinite(TRY_CAST(value AS TIMESTAMP)) THEN TRY_CAST(value AS TIMESTAMP) END;

CREATE OR REPLACE MACRO plait_zoned_time(value, zone) AS
CASE
    WHEN regexp_matches(value, '[0-9](Z|[+-][0-9]{2}(:?[0-9]{2})?)$') AND length(value) > 10
        THEN timezone(zone, TRY_CAST(value AS TIMESTAMPTZ))
    ELSE plait_time(value)
END;

CREATE OR REPLACE MACRO plait_is_date(value) AS length(value) <= 10;

CREATE OR REPLACE MACRO plait_number(value, below) AS
CASE WHEN abs(TRY_CAST(value AS DOUBLE)) < below THEN TRY_CAST(value AS DOUBLE) END;

CREATE OR REPLACE MACRO plait_known(at_time, is_date) AS
CASE WHEN is_date THEN date_trunc('day', at_time) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND ELSE at_time END;
