-- One row: a vocabulary with its version; one without a name is the whole release.
SELECT
    vocabulary_id,
    vocabulary_version
FROM cdm.vocabulary
WHERE vocabulary_version IS NOT NULL
UNION ALL
SELECT
    '' AS vocabulary_id,
    min(vocabulary_version) AS vocabulary_version
FROM cdm.cdm_source
