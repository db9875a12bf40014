-- One row: a variant, with its change of the genome as HGVS where build, chromosome, place and alleles are told, and whether it can be a record of VCF:
-- alleles that a dash stands for have no base before them, which only the reference genome knows.
WITH named AS (
    SELECT
        v.*,
        upper(regexp_replace(v.chromosome, '^chr', '')) AS chrom,
        coalesce(v.reference_allele, '') IN ('', '-') OR coalesce(v.alternate_allele, '') IN ('', '-') AS has_gap
    FROM leaving_omics_variant AS v
),

placed AS (
    SELECT
        n.*,
        c.accession,
        CASE
            WHEN c.accession IS NULL OR n.start_position IS NULL THEN NULL
            WHEN n.reference_allele = '-' THEN n.start_position || '_' || (n.start_position + 1) || 'ins' || n.alternate_allele
            WHEN n.alternate_allele = '-' THEN range_of(n.start_position, n.reference_allele) || 'del'
            WHEN n.has_gap THEN NULL
            WHEN length(n.reference_allele) = 1 AND length(n.alternate_allele) = 1 THEN n.start_position || n.reference_allele || '>' || n.alternate_allele
            ELSE range_of(n.start_position, n.reference_allele) || 'delins' || n.alternate_allele
        END AS change
    FROM named AS n
    LEFT JOIN reference AS c ON n.genome_build = c.genome_build AND n.chrom = c.chromosome
)

SELECT
    person_id,
    omics_variant_id AS row_id,
    specimen_id,
    assay,
    CASE WHEN ensembl_gene_id IS NULL THEN 'HGNC.SYMBOL:' || coalesce(gene_symbol, gene_source_value) ELSE 'ENSEMBL:' || ensembl_gene_id END AS gene_id,
    coalesce(gene_symbol, gene_source_value) AS gene,
    coalesce(variant_source_value, coalesce(gene_symbol, gene_source_value) || coalesce(':' || hgvs_p, '')) AS label,
    accession || ':g.' || change AS hgvs_g,
    CASE WHEN hgvs_c LIKE '%:%' OR transcript IS NULL THEN hgvs_c ELSE transcript || ':' || hgvs_c END AS hgvs_c,
    hgvs_p,
    genome_build,
    chrom,
    start_position AS position,
    CASE WHEN NOT has_gap AND genome_build IS NOT NULL AND chrom IS NOT NULL AND start_position IS NOT NULL THEN reference_allele END AS ref,
    alternate_allele AS alt,
    variant_class,
    partner,
    mutation_status,
    variant_allele_fraction,
    read_depth,
    alternate_depth,
    'interpretations' AS place,
    CAST(NULL AS VARCHAR) AS reason
FROM placed
