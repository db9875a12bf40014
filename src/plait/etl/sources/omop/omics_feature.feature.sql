-- One row: what a column of an assay measures.
SELECT
    _pointer,
    concat_ws('/', assay, feature_source_value) AS feature,
    assay,
    gene_source_value AS gene,
    omics_feature_id,
    feature_source_value,
    gene_source_value,
    ensembl_gene_id,
    gene_symbol,
    gene_match
FROM omics_feature
