-- One row: a check of a study's version, and what it found, as this validation keeps it.
SELECT
    CAST($checked_at AS TIMESTAMP) AS checked_at,
    CAST($version AS BIGINT) AS version,
    CAST($today AS DATE) AS today,
    suite,
    check_id,
    check_name,
    table_name,
    field_name,
    concept_id,
    violated,
    denominator,
    percent,
    threshold,
    severity,
    status,
    reason
FROM found
