-- One row: a line of the ledger; of the run whose version is changed, with what became of forgotten records now.
WITH fate AS (
    SELECT
        source,
        file,
        shape,
        CAST(sum(loaded) AS BIGINT) AS loaded,
        CAST(sum(merged) AS BIGINT) AS merged,
        CAST(sum(written) AS BIGINT) AS written
    FROM ledger_difference
    GROUP BY source, file, shape
),

reason AS (
    SELECT
        source,
        file,
        shape,
        CAST(coalesce(sum(records) FILTER (fate = 'rejected'), 0) AS BIGINT) AS rejected,
        CAST(coalesce(sum(records) FILTER (fate = 'ignored'), 0) AS BIGINT) AS ignored
    FROM reason_difference
    GROUP BY source, file, shape
)

SELECT
    p.* REPLACE (
        p.loaded + coalesce(f.loaded, 0) AS loaded,
        p.merged + coalesce(f.merged, 0) AS merged,
        p.rejected + coalesce(r.rejected, 0) AS rejected,
        p."ignored" + coalesce(r.ignored, 0) AS "ignored",
        p.written + coalesce(f.written, 0) AS written
    )
FROM page AS p
LEFT JOIN fate AS f ON p.run_id = $run AND p.source = f.source AND p.file = f.file AND p.shape = f.shape
LEFT JOIN reason AS r ON p.run_id = $run AND p.source = r.source AND p.file = r.file AND p.shape = r.shape
ORDER BY p.run_id, p.source, p.file, p.shape
