-- One row: a resource of which there are several versions, and the time of the newest one.
SELECT
    key,
    max(fhir_instant(json_extract_string(body, '$.meta.lastUpdated'))) AS newest
FROM read_parquet($file, hive_partitioning = FALSE)
WHERE home IS NULL
GROUP BY key
HAVING count(DISTINCT fhir_instant(json_extract_string(body, '$.meta.lastUpdated'))) > 1;
