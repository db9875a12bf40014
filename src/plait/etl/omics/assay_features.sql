-- One row: a feature of an assay's matrix, in the file's order. Its index is the gene's Ensembl id, or the delivered
-- name where that means no gene; an Ensembl id that came with a version, or in another spelling, is kept as it came.
SELECT
    s.record,
    coalesce(f.ensembl_gene_id, f.feature_source_value) AS index,
    f.feature_source_value AS feature,
    f.gene_symbol,
    f.gene_match,
    CASE WHEN starts_with(f.gene_source_value, 'ENS') AND f.gene_source_value != coalesce(f.ensembl_gene_id, '') THEN f.gene_source_value END AS retired_id
FROM now_feature AS s
INNER JOIN now_omics_feature AS f ON s.assay = f.assay AND s.feature = concat(f.assay, '/', f.feature_source_value)
INNER JOIN (
    SELECT
        assay,
        feature,
        min(digest) AS digest
    FROM now_feature
    WHERE reject IS NULL AND "ignore" IS NULL
    GROUP BY assay, feature
) AS w ON s.assay = w.assay AND s.feature = w.feature AND s.digest = w.digest
WHERE s.reject IS NULL AND s."ignore" IS NULL AND s.assay = $assay
QUALIFY row_number() OVER (PARTITION BY s.feature ORDER BY s.record) = 1
ORDER BY s.record
