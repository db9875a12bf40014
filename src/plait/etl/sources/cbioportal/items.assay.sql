-- One row: a sample of a matrix; its patient is that of the sample.
SELECT
    i._pointer,
    s.PATIENT_ID AS person,
    i.sample AS specimen,
    i.sample AS item,
    i.assay,
    i.layer,
    i.features,
    i.missing,
    i.infinite,
    i.value_sha256,
    'registry' AS type,
    CASE WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen' END AS _reject
FROM items AS i
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON i.sample = s.SAMPLE_ID
