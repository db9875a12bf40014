-- One row: a sample of a tumour; one without a time is taken to be of the day of the diagnosis.
SELECT
    s._pointer,
    s.PATIENT_ID AS person,
    s.SAMPLE_ID AS specimen,
    concat(coalesce(TRY_CAST(s.COLLECTION_MONTHS AS DOUBLE), TRY_CAST(s.DIAGNOSIS_MONTHS AS DOUBLE), 0), ' months') AS start,
    'tissue' AS code,
    'CBIOPORTAL_SPECIMEN' AS code_system,
    s.SAMPLE_SITE AS site,
    'CBIOPORTAL_SITE' AS site_system,
    s.SAMPLE_TYPE AS status,
    'CBIOPORTAL_SAMPLE_TYPE' AS status_system,
    'registry' AS type
FROM sample AS s
