-- One row: a sample of a tumour, taken when its own columns or the timeline say; one without a time is taken to be of the
-- day of the diagnosis.
WITH taken AS (
    SELECT
        SAMPLE_ID,
        PATIENT_ID,
        min(TRY_CAST(START_DATE AS DOUBLE)) AS days
    FROM timeline
    WHERE upper(EVENT_TYPE) IN ('SPECIMEN', 'SAMPLE ACQUISITION')
    GROUP BY SAMPLE_ID, PATIENT_ID
)

SELECT
    s._pointer,
    s.PATIENT_ID AS person,
    s.SAMPLE_ID AS specimen,
    coalesce(
        TRY_CAST(s.COLLECTION_MONTHS AS DOUBLE) || ' months', t.days || ' days', coalesce(TRY_CAST(s.DIAGNOSIS_MONTHS AS DOUBLE), 0) || ' months'
    ) AS start,
    'tissue' AS code,
    'CBIOPORTAL_SPECIMEN' AS code_system,
    s.SAMPLE_SITE AS site,
    'CBIOPORTAL_SITE' AS site_system,
    s.SAMPLE_TYPE AS status,
    'CBIOPORTAL_SAMPLE_TYPE' AS status_system,
    'registry' AS type
FROM sample AS s
LEFT JOIN taken AS t ON s.SAMPLE_ID = t.SAMPLE_ID AND s.PATIENT_ID = t.PATIENT_ID
