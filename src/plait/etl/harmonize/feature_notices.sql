-- One row: a gene of an assay that the gene table does not know, or knows several of, or that the assay has twice; or an
-- assay of whose Ensembl ids the gene table does not know more than a tenth: it is of another release.
WITH named AS (
    SELECT
        s.source,
        s.file,
        f.assay,
        f.gene_source_value,
        f.gene_match,
        starts_with(f.gene_source_value, 'ENSG') AS is_ensembl
    FROM omics_feature_written AS f
    INNER JOIN dimension_id AS i ON i.dimension = 'feature' AND f.omics_feature_id = i.id
    INNER JOIN live_feature AS s ON i.system = s.system AND i.key = s.key
)

SELECT
    CAST(NULL AS BIGINT) AS person_id,
    source,
    file,
    'other_gene_release' AS kind,
    format('{:,} of {:,} Ensembl ids of {}', count(*) FILTER (gene_match = 'unknown'), count(*), assay) AS detail,
    count(*) FILTER (gene_match = 'unknown') AS records
FROM named
WHERE is_ensembl
GROUP BY source, file, assay
HAVING count(*) FILTER (gene_match = 'unknown') * 10 > count(*)
UNION ALL
SELECT
    NULL,
    source,
    file,
    concat(gene_match, '_gene'),
    gene_source_value,
    count(*)
FROM named
WHERE gene_match IN ('unknown', 'ambiguous', 'repeated')
GROUP BY source, file, gene_match, gene_source_value
ORDER BY ALL
