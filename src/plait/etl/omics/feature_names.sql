-- One row: a name by which a feature of an assay can be asked for, and its index in the matrix. The present symbol
-- goes before a name that was delivered.
SELECT
    name,
    arg_min(feature, rank) AS feature
FROM (
    SELECT gene_symbol AS name, ensembl_gene_id AS feature, 1 AS rank FROM cdm.omics_feature WHERE assay = $assay AND ensembl_gene_id IS NOT NULL
    UNION ALL
    SELECT feature_source_value, coalesce(ensembl_gene_id, feature_source_value), 2 FROM cdm.omics_feature WHERE assay = $assay
    UNION ALL
    SELECT gene_source_value, coalesce(ensembl_gene_id, feature_source_value), 3 FROM cdm.omics_feature WHERE assay = $assay
)
WHERE name IS NOT NULL
GROUP BY name
ORDER BY name
