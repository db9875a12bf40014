-- gene_names, one row: a name of a gene that the study's assays, variants or panels have, and the gene that it means: its
-- Ensembl id, or itself where it means none. The present symbol goes before a name that was delivered.
CREATE OR REPLACE TEMP TABLE gene_names AS
SELECT
    n.name,
    arg_min(n.gene, (n.rank, n.gene)) AS gene
FROM (
    SELECT
        g.gene_symbol AS name,
        g.ensembl_gene_id AS gene,
        1 AS rank
    FROM (
        SELECT gene_symbol, ensembl_gene_id FROM cdm.omics_variant
        UNION
        SELECT gene_symbol, ensembl_gene_id FROM cdm.omics_feature
        UNION
        SELECT gene_symbol, ensembl_gene_id FROM plait.omics_panel
    ) AS g
    WHERE g.ensembl_gene_id IS NOT NULL
    UNION ALL
    SELECT
        d.name,
        coalesce(d.ensembl_gene_id, d.name),
        2
    FROM (
        SELECT gene_source_value AS name, ensembl_gene_id FROM cdm.omics_variant
        UNION
        SELECT gene_source_value, ensembl_gene_id FROM cdm.omics_feature WHERE gene_match != 'repeated'
        UNION
        SELECT gene_source_value, ensembl_gene_id FROM plait.omics_panel
    ) AS d
) AS n
WHERE n.name IS NOT NULL
GROUP BY n.name;
