-- One row: what no SELECT of its own reads: a resource of another type, a file that is no JSON, or JSON that is no resource.
SELECT
    _pointer,
    CAST(NULL AS VARCHAR) AS person,
    CAST(NULL AS VARCHAR) AS start,
    CAST(NULL AS VARCHAR) AS code,
    CAST(NULL AS VARCHAR) AS code_system,
    CAST(NULL AS VARCHAR) AS domain,
    CASE
        WHEN regexp_full_match(resource_type, '[A-Z][A-Za-z]{2,40}') THEN 'unread_' || resource_type
        WHEN resource IS NOT NULL THEN 'no_resource_type'
        WHEN contains(_place, '#') THEN 'entry_without_resource'
        ELSE 'unused_file'
    END AS _ignore
FROM other
