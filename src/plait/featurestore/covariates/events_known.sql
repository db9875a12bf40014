-- covariate_event, one row: an event of the view `covariate_source` that had happened and was known at the prediction time
-- of an index row, in days from its date. An end counts if it had come and was known; else the thing is open, and ends by
-- a rule that knows no more than its start and its supply.
CREATE OR REPLACE TEMP TABLE covariate_event AS
WITH seen AS (
    SELECT
        r.row_id,
        r.index_date,
        e.*,
        CASE WHEN m.row_id IS NOT NULL THEN e.open_end_told ELSE e.open_end END AS end_by_rule,
        CASE
            WHEN
                covariate_happened(e.end_date, e.end_time) <= r.prediction_time
                AND CASE WHEN m.row_id IS NOT NULL THEN m.end_known_time ELSE covariate_known(e.end_date, e.end_time, NULL) END <= r.prediction_time
                THEN greatest(e.end_date, e.start_date)
        END AS end_known
    FROM covariate_row AS r
    INNER JOIN covariate_source AS e ON r.person_id = e.person_id
    LEFT JOIN covariate_meta AS m ON m.table_name = $table AND e.event_id = m.row_id
    WHERE
        e.start_date <= r.index_date + CAST($last_day AS INTEGER)
        AND covariate_happened(e.start_date, e.start_time) <= r.prediction_time
        AND covariate_known(e.start_date, e.start_time, m.known_time) <= r.prediction_time
)

SELECT
    row_id,
    concept_id,
    CAST(start_date - index_date AS INTEGER) AS start_day,
    CAST(coalesce(end_known, end_by_rule) - index_date AS INTEGER) AS end_day,
    * EXCLUDE (
        row_id, index_date, event_id, person_id, concept_id, start_date, start_time, end_date, end_time, open_end, open_end_told, end_by_rule, end_known
    )
FROM seen;
