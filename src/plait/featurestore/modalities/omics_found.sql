-- One row: a variant of one of some classes and a gene that it is in, with its specimen, and when it became known; a structural variant
-- of two genes stands for both.
WITH found AS (
    SELECT
        v.omics_variant_id AS row_id,
        v.person_id,
        coalesce(v.specimen_source_value, '') AS specimen,
        coalesce(v.ensembl_gene_id, v.gene_source_value) AS gene,
        coalesce(n.gene, v.partner) AS partner,
        coalesce(v.omics_variant_datetime, CAST(v.omics_variant_date AS TIMESTAMP)) AS event_time,
        greatest(
            coalesce(v.omics_variant_datetime, CAST(v.omics_variant_date AS TIMESTAMP)),
            coalesce(m.known_time, CAST(v.omics_variant_date AS TIMESTAMP) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND)
        ) AS known_time,
        $classes::VARCHAR[] IS NULL OR list_contains($classes::VARCHAR[], v.variant_class) AS counts
    FROM cdm.omics_variant AS v
    LEFT JOIN gene_names AS n ON v.partner = n.name
    LEFT JOIN plait.row_meta AS m ON m.table_name = 'omics_variant' AND v.omics_variant_id = m.row_id
    WHERE v.assay = $assay AND v.omics_variant_date IS NOT NULL
)

SELECT
    row_id,
    person_id,
    specimen,
    unnest(list_distinct([gene, partner])) AS gene,
    event_time,
    known_time,
    counts
FROM found
ORDER BY person_id, specimen, known_time, row_id, gene
