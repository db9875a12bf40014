-- One row: what a reader should know beside the ledger; of the run whose version is changed, as it is now.
WITH difference AS (
    SELECT
        source,
        file,
        kind,
        detail,
        CAST(sum(records) AS BIGINT) AS records
    FROM notice_difference
    GROUP BY source, file, kind, detail
)

SELECT p.* REPLACE (p.records + coalesce(d.records, 0) AS records)
FROM page AS p
LEFT JOIN difference AS d
    ON
        p.run_id = $run
        AND p.source = d.source
        AND p.file IS NOT DISTINCT FROM d.file
        AND p.kind = d.kind
        AND p.detail IS NOT DISTINCT FROM d.detail
WHERE coalesce(d.records, 0) = 0 OR p.records + d.records > 0
