-- One row: a variant of a gene; the number is the share of reads with it, the text what it changes.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    87 AS place,
    moment(omics_variant_date, omics_variant_datetime) AS time,
    'VARIANT//' || coalesce(gene_symbol, gene_source_value, 'unknown') AS fixed_code,
    variant_allele_fraction AS number,
    coalesce(hgvs_p, hgvs_c, variant_class) AS text_value,
    variant_class AS modifier_source_value,
    known_time,
    omics_variant_type_concept_id AS type_concept_id,
    omics_variant_id AS row_id
FROM leaving_omics_variant
