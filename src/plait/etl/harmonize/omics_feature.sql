-- One row: a feature of an assay, and its gene. Of several that are one gene, the one that is named best has it.
SELECT
    i.id AS omics_feature_id,
    s.assay,
    substr(s.feature, length(s.assay) + 2) AS feature_source_value,
    s.gene AS gene_source_value,
    CASE WHEN r.place = 1 THEN g.ensembl_gene_id END AS ensembl_gene_id,
    CASE WHEN r.place = 1 THEN g.gene_symbol END AS gene_symbol,
    CASE WHEN r.place > 1 THEN 'repeated' ELSE coalesce(g.gene_match, 'unknown') END AS gene_match
FROM live_feature AS s
INNER JOIN dimension_id AS i ON i.dimension = 'feature' AND s.system = i.system AND s.key = i.key
LEFT JOIN gene_map AS g ON s.gene = g.name
LEFT JOIN (
    SELECT
        f.system,
        f.key,
        row_number() OVER (PARTITION BY f.assay, m.ensembl_gene_id ORDER BY m.tier, f.gene, f.key) AS place
    FROM live_feature AS f
    INNER JOIN gene_map AS m ON f.gene = m.name
    WHERE m.ensembl_gene_id IS NOT NULL
) AS r ON s.system = r.system AND s.key = r.key
WHERE s.omics_feature_id IS NULL
ORDER BY i.id
