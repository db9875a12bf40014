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
        first_value(source) OVER win AS winner_source,
        first_value(file) OVER win AS winner_file,
        first_value(digest) OVER win AS winner_digest
    FROM keyed
    WHERE rivals > 1
    WINDOW win AS (PARTITION BY key_space, key ORDER BY digest, part, source, file, file_id, record)
)

SELECT
    file_id,
    record,
    part,
    person_id,
    source,
    file,
    digest,
    CASE WHEN digest = winner_digest OR source != winner_source OR merge_key IS NOT NULL OR $same_key = 'merge' THEN 'merged' ELSE 'rejected' END AS fate,
    winner_source,
    winner_file,
    winner_digest
FROM ranked
WHERE place > 1;
