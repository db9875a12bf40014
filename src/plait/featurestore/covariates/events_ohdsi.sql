-- covariate_event, one row: an event of the view `covariate_source` seen from an index row, in days from its date. By
-- OHDSI's clock all dates count as they stand; nothing that starts after the last window's end is needed.
CREATE OR REPLACE TEMP TABLE covariate_event AS
SELECT
    r.row_id,
    e.concept_id,
    CAST(e.start_date - r.index_date AS INTEGER) AS start_day,
    CAST(e.end_date - r.index_date AS INTEGER) AS end_day,
    e.* EXCLUDE (event_id, person_id, concept_id, start_date, start_time, end_date, end_time, open_end, open_end_told)
FROM covariate_row AS r
INNER JOIN covariate_source AS e ON r.person_id = e.person_id
WHERE e.start_date <= r.index_date + CAST($last_day AS INTEGER);
