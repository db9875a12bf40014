-- covariate_span, one row: a visit, a fact or a period of cover that had happened and was known at the prediction time of an
-- index row, as a span of observation ($rule: visits, activity or enrolment, as in plait.etl.derive); a fact is a day.
CREATE OR REPLACE TEMP TABLE covariate_span AS
WITH seen AS (
    SELECT
        r.row_id,
        r.index_date,
        e.table_name = 'visit_occurrence' AS is_visit,
        e.start_date,
        CASE
            WHEN
                covariate_happened(e.end_date, e.end_time) <= r.prediction_time
                AND CASE WHEN m.row_id IS NOT NULL THEN m.end_known_time ELSE covariate_known(e.end_date, e.end_time, NULL) END <= r.prediction_time
                THEN greatest(e.end_date, e.start_date)
            ELSE e.open_end
        END AS end_known
    FROM covariate_row AS r
    INNER JOIN covariate_source AS e ON r.person_id = e.person_id
    LEFT JOIN covariate_meta AS m ON e.table_name = m.table_name AND e.event_id = m.row_id
    WHERE
        covariate_happened(e.start_date, e.start_time) <= r.prediction_time
        AND covariate_known(e.start_date, e.start_time, m.known_time) <= r.prediction_time
)

SELECT
    row_id,
    is_visit,
    CAST(start_date - index_date AS INTEGER) AS start_day,
    CAST(CASE WHEN is_visit OR $rule = 'enrolment' THEN end_known ELSE start_date END - index_date AS INTEGER) AS end_day
FROM seen;
