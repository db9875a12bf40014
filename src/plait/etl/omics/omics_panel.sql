-- One row: a gene of a panel.
SELECT
    p.panel,
    p.gene AS gene_source_value,
    g.ensembl_gene_id,
    g.gene_symbol,
    g.gene_match
FROM panel_gene AS p
LEFT JOIN gene_map AS g ON p.gene = g.name
ORDER BY p.panel, p.gene
