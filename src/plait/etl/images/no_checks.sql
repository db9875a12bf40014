-- One row: a file of an image and what a check found, where there was none.
SELECT
    CAST(NULL AS VARCHAR) AS source,
    CAST(NULL AS VARCHAR) AS uri,
    CAST(NULL AS BIGINT) AS indexed_bytes,
    CAST(NULL AS BIGINT) AS indexed_ns,
    CAST(NULL AS BIGINT) AS size_bytes,
    CAST(NULL AS BIGINT) AS mtime_ns,
    CAST(NULL AS VARCHAR) AS sha256,
    CAST(NULL AS VARCHAR) AS status,
    CAST(NULL AS VARCHAR) AS moved_to,
    CAST(NULL AS TIMESTAMP) AS checked_at
WHERE FALSE
