-- One row: a structural variant, named by its first gene.
SELECT
    v._pointer,
    s.PATIENT_ID AS person,
    v.Sample_Id AS specimen,
    concat(o.source, '.structural_variants') AS assay,
    coalesce(v.Site1_Hugo_Symbol, v.Site2_Hugo_Symbol) AS gene,
    v.Event_Info AS display,
    plait_genome_build(coalesce(v.NCBI_Build, o.genome_build, (SELECT min(value) FROM meta WHERE key = 'reference_genome'))) AS genome_build,
    v.Site1_Chromosome AS chromosome,
    v.Site1_Position AS position,
    coalesce(v.Class, 'Structural_Variant') AS variant_class,
    CASE WHEN v.Site1_Hugo_Symbol IS NOT NULL THEN v.Site2_Hugo_Symbol END AS partner,
    v.SV_Status AS mutation_status,
    'registry' AS type,
    CASE
        WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen'
        WHEN plait_genome_build(v.NCBI_Build) != plait_genome_build(coalesce(o.genome_build, (SELECT min(value) FROM meta WHERE key = 'reference_genome')))
            THEN 'other_genome_build'
    END AS _reject
FROM structural_variant AS v
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON v.Sample_Id = s.SAMPLE_ID
