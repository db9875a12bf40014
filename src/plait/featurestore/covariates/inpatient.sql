-- covariate_event, one row: a condition that starts within an inpatient visit (of the table covariate_visit), in place of
-- the conditions. Whether it is the primary diagnosis is not asked: FeatureExtraction does not, either.
CREATE OR REPLACE TEMP TABLE covariate_event AS
SELECT DISTINCT
    e.row_id,
    e.start_day,
    e.end_day,
    e.concept_id
FROM covariate_event AS e
INNER JOIN covariate_visit AS v ON e.row_id = v.row_id AND e.start_day BETWEEN v.start_day AND v.end_day
WHERE
    v.concept_id IN (
        SELECT a.descendant_concept_id
        FROM cdm.concept_ancestor AS a
        INNER JOIN covariate_concept AS c ON c.role = 'inpatient' AND CAST(a.ancestor_concept_id AS VARCHAR) = c.term
    );
