-- One row: a code by which something of a CDM may be mapped anew, as the study map takes codes.
SELECT
    source,
    code_system,
    code,
    CAST(NULL AS VARCHAR) AS display,
    CAST(sum(records) AS BIGINT) AS records
FROM adopted_term
GROUP BY source, code_system, code
ORDER BY ALL
