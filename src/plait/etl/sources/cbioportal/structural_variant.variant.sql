-- One row: a structural variant, named by the first of its sites that is a gene's; the other site is its partner.
WITH sited AS (
    SELECT
        v._pointer,
        v.Sample_Id,
        v.SV_Status,
        v.Class,
        v.Event_Info,
        v.Site2_Effect_On_Frame,
        v.Tumor_Read_Count,
        v.Tumor_Variant_Count,
        plait_genome_build(v.NCBI_Build) AS build,
        coalesce(v.Site1_Hugo_Symbol, v.Site1_Entrez_Gene_Id) AS gene_1,
        coalesce(v.Site2_Hugo_Symbol, v.Site2_Entrez_Gene_Id) AS gene_2,
        v.Site1_Chromosome,
        v.Site1_Position,
        v.Site2_Chromosome,
        v.Site2_Position,
        v.Site1_Ensembl_Transcript_Id,
        v.Site2_Ensembl_Transcript_Id
    FROM structural_variant AS v
)

SELECT
    v._pointer,
    s.PATIENT_ID AS person,
    v.Sample_Id AS specimen,
    concat(o.source, '.structural_variants') AS assay,
    coalesce(v.gene_1, v.gene_2) AS gene,
    v.Event_Info AS display,
    coalesce(v.build, b.build) AS genome_build,
    CASE WHEN v.gene_1 IS NULL AND v.gene_2 IS NOT NULL THEN v.Site2_Chromosome ELSE v.Site1_Chromosome END AS chromosome,
    CASE WHEN v.gene_1 IS NULL AND v.gene_2 IS NOT NULL THEN v.Site2_Position ELSE v.Site1_Position END AS position,
    CASE WHEN v.gene_1 IS NULL AND v.gene_2 IS NOT NULL THEN v.Site2_Ensembl_Transcript_Id ELSE v.Site1_Ensembl_Transcript_Id END AS transcript,
    coalesce(v.Class, 'Structural_Variant') AS variant_class,
    v.Site2_Effect_On_Frame AS variant_type,
    CASE WHEN v.gene_1 IS NOT NULL THEN v.gene_2 END AS partner,
    CASE WHEN v.gene_1 IS NULL AND v.gene_2 IS NOT NULL THEN v.Site1_Chromosome ELSE v.Site2_Chromosome END AS partner_chromosome,
    CASE WHEN v.gene_1 IS NULL AND v.gene_2 IS NOT NULL THEN v.Site1_Position ELSE v.Site2_Position END AS partner_position,
    v.SV_Status AS mutation_status,
    v.Tumor_Variant_Count AS alternate_depth,
    TRY_CAST(v.Tumor_Read_Count AS INTEGER) - TRY_CAST(v.Tumor_Variant_Count AS INTEGER) AS reference_depth,
    'registry' AS type,
    CASE
        WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen'
        WHEN v.build != b.build THEN 'other_genome_build'
    END AS _reject
FROM sited AS v
CROSS JOIN options AS o
CROSS JOIN (
    SELECT
        plait_genome_build(
            coalesce((SELECT genome_build FROM options), (SELECT min(value) FROM meta WHERE key = 'reference_genome'))
        ) AS build
) AS b
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON v.Sample_Id = s.SAMPLE_ID
