-- One row: a gene that a panel sees: its Ensembl id, or its name where that means no gene.
SELECT
    panel,
    coalesce(ensembl_gene_id, gene_source_value) AS gene
FROM plait.omics_panel
ORDER BY panel, gene
