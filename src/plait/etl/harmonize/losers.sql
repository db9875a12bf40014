-- loser, one row: a staged row that goes no further, since another one stands for it, or contradicts it.
-- Of rows with one key the one with the smallest digest wins, whatever the order of files and records.
CREATE OR REPLACE TEMP TABLE loser AS
WITH keyed AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY key_space, key) AS rivals
    FROM query_table($staged)
    WHERE key IN (SELECT k.key FROM query_table($staged) AS k GROUP BY k.key HAVING count(*) > 1)
),

ranked AS (
    SELECT
        *,
        row_number() OVER win AS place,
        first_value(digest) OVER win AS winner_digest,
        first_value(source) OVER win AS winner_source,
        first_value(file_id) OVER win AS winner_file_id,
        first_value(record) OVER win AS winner_record
    FROM keyed
    WHERE rivals > 1
    WINDOW win AS (PARTITION BY key_space, key ORDER BY digest, source, file_id, record)
)

SELECT
    file_id,
    record,
    part,
    CASE WHEN digest = winner_digest OR source != winner_source OR $same_key = 'merge' THEN 'merged' ELSE 'rejected' END AS fate,
    winner_file_id,
    winner_record
FROM ranked
WHERE place > 1
UNION ALL
SELECT
    file_id,
    record,
    part,
    'merged' AS fate,
    file_id AS winner_file_id,
    merge_into AS winner_record
FROM query_table($staged)
WHERE merge_into IS NOT NULL;
