-- One row: a sample of a matrix; its patient is that of the sample.
SELECT
    i._pointer,
    s.PATIENT_ID AS person,
    i.sample AS specimen,
    i.sample AS item,
    i.assay,
    i.layer,
    CASE WHEN i.layer IN ('gistic', 'copy_number', 'log2_ratio') THEN p.panel END AS panel,
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
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(cna) AS panel
    FROM panel_matrix
    GROUP BY SAMPLE_ID
) AS p ON i.sample = p.SAMPLE_ID
