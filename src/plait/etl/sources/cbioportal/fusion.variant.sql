-- One row: a gene's part in a fusion; a fusion of two genes stands in two records.
SELECT
    f._pointer,
    s.PATIENT_ID AS person,
    f.Tumor_Sample_Barcode AS specimen,
    concat(o.source, '.fusions') AS assay,
    f.Hugo_Symbol AS gene,
    f.Fusion AS display,
    plait_genome_build(coalesce(o.genome_build, (SELECT min(value) FROM meta WHERE key = 'reference_genome'))) AS genome_build,
    'Fusion' AS variant_class,
    f.Frame AS variant_type,
    'registry' AS type,
    CASE WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen' END AS _reject
FROM fusion AS f
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON f.Tumor_Sample_Barcode = s.SAMPLE_ID
