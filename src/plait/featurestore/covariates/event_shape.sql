-- No row: the columns that every event has. Where they are null: nothing but its day is told of when it happened; it has
-- no end but its start.
SELECT
    CAST(NULL AS BIGINT) AS event_id,
    CAST(NULL AS BIGINT) AS person_id,
    CAST(NULL AS BIGINT) AS concept_id,
    CAST(NULL AS DATE) AS start_date,
    CAST(NULL AS TIMESTAMP) AS start_time,
    CAST(NULL AS DATE) AS end_date,
    CAST(NULL AS TIMESTAMP) AS end_time,
    CAST(NULL AS DATE) AS open_end,
    CAST(NULL AS DATE) AS open_end_told
WHERE FALSE
