-- When something happened and when it was known, of a day and, where one is told, the time of day. A time of midnight or
-- of another day is none: a day is known at its end.
CREATE OR REPLACE TEMP MACRO covariate_has_time(day, moment) AS
moment IS NOT NULL AND CAST(moment AS DATE) = day AND CAST(moment AS TIME) != TIME '00:00:00';

CREATE OR REPLACE TEMP MACRO covariate_happened(day, moment) AS
CASE WHEN covariate_has_time(day, moment) THEN CAST(moment AS TIMESTAMP) ELSE CAST(day AS TIMESTAMP) END;

CREATE OR REPLACE TEMP MACRO covariate_known(day, moment, known_time) AS
coalesce(known_time, CASE WHEN covariate_has_time(day, moment) THEN CAST(moment AS TIMESTAMP) ELSE day + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND END);
