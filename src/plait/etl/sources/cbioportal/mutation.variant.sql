-- One row: a mutation, in the columns of a MAF; its patient is that of its sample. A study has one genome build (cBioPortal,
-- File Formats): the one that plait.yaml or its meta file names, else the one that most of the file's records do.
WITH build AS (
    SELECT
        coalesce(
            (SELECT plait_genome_build(genome_build) FROM options),
            (SELECT min(plait_genome_build(value)) FROM meta WHERE key = 'reference_genome'),
            (SELECT mode(plait_genome_build(NCBI_Build) ORDER BY plait_genome_build(NCBI_Build)) FROM mutation)
        ) AS build
)

SELECT
    m._pointer,
    s.PATIENT_ID AS person,
    m.Tumor_Sample_Barcode AS specimen,
    concat(o.source, '.mutations') AS assay,
    coalesce(m.Hugo_Symbol, m.Entrez_Gene_Id) AS gene,
    coalesce(concat(m.Hugo_Symbol, ':', coalesce(m.HGVSp_Short, m.HGVSp, m.HGVSc)), concat(m.Hugo_Symbol, ':', m.Chromosome, ':', m.Start_Position)) AS code,
    'HGVS' AS code_system,
    coalesce(plait_genome_build(m.NCBI_Build), b.build) AS genome_build,
    m.Chromosome AS chromosome,
    m.Start_Position AS position,
    m.End_Position AS end_position,
    m.Reference_Allele AS reference,
    CASE WHEN m.Tumor_Seq_Allele1 != coalesce(m.Reference_Allele, '') THEN m.Tumor_Seq_Allele1 ELSE m.Tumor_Seq_Allele2 END AS alternate,
    m.HGVSc AS hgvs_c,
    coalesce(m.HGVSp, m.HGVSp_Short) AS hgvs_p,
    m.Transcript_ID AS transcript,
    m.Variant_Classification AS variant_class,
    m.Variant_Type AS variant_type,
    m.Mutation_Status AS mutation_status,
    m.t_alt_count AS alternate_depth,
    m.t_ref_count AS reference_depth,
    'registry' AS type,
    CASE
        WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen'
        WHEN plait_genome_build(m.NCBI_Build) != b.build THEN 'other_genome_build'
    END AS _reject
FROM mutation AS m
CROSS JOIN options AS o
CROSS JOIN build AS b
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON m.Tumor_Sample_Barcode = s.SAMPLE_ID
