-- covariate_reach, one row: an index row and a concept, with how late its events start and end: all windows that end on
-- one day ask no more. first_end tells that there is an end at all.
CREATE OR REPLACE TEMP TABLE covariate_reach AS
SELECT
    row_id,
    concept_id,
    max(start_day) AS last_start,
    max(end_day) AS last_end
FROM covariate_event
WHERE concept_id != 0 AND start_day <= CAST($end_day AS INTEGER)
GROUP BY row_id, concept_id;
