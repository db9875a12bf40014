-- One row: a gene of an assay that the gene table does not know, or knows several of, or that the assay has twice.
SELECT
    CAST(NULL AS BIGINT) AS person_id,
    s.source,
    s.file,
    concat(f.gene_match, '_gene') AS kind,
    f.gene_source_value AS detail,
    count(*) AS records
FROM omics_feature_written AS f
INNER JOIN dimension_id AS i ON i.dimension = 'feature' AND f.omics_feature_id = i.id
INNER JOIN live_feature AS s ON i.system = s.system AND i.key = s.key
WHERE f.gene_match IN ('unknown', 'ambiguous', 'repeated')
GROUP BY ALL
ORDER BY ALL
