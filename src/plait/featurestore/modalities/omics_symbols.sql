-- One row: a gene that the study's assays, variants or panels have, by its Ensembl id, and its present symbol.
SELECT
    ensembl_gene_id AS gene,
    min(gene_symbol) AS symbol
FROM (
    SELECT
        ensembl_gene_id,
        gene_symbol
    FROM cdm.omics_feature
    UNION
    SELECT
        ensembl_gene_id,
        gene_symbol
    FROM cdm.omics_variant
    UNION
    SELECT
        ensembl_gene_id,
        gene_symbol
    FROM plait.omics_panel
) AS g
WHERE ensembl_gene_id IS NOT NULL AND gene_symbol IS NOT NULL
GROUP BY ensembl_gene_id
