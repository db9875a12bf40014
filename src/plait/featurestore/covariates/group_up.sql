-- covariate_reach and covariate_event, one row: what they hold, by group in place of the concept. Of the events, only as
-- many as the windows with a time_id need.
CREATE OR REPLACE TEMP TABLE covariate_reach AS
SELECT
    e.row_id,
    g.group_concept_id AS concept_id,
    max(e.last_start) AS last_start,
    max(e.last_end) AS last_end
FROM covariate_reach AS e
INNER JOIN covariate_group AS g ON e.concept_id = g.concept_id
GROUP BY e.row_id, g.group_concept_id;

CREATE OR REPLACE TEMP TABLE covariate_event AS
SELECT DISTINCT
    e.row_id,
    g.group_concept_id AS concept_id,
    e.start_day,
    e.end_day
FROM covariate_event AS e
INNER JOIN covariate_group AS g ON e.concept_id = g.concept_id
WHERE EXISTS (SELECT 1 FROM covariate_analysis AS a WHERE a.kind = 'group' AND a.table_name = $table AND a.time_id IS NOT NULL);
