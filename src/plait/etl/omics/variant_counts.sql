-- One row: a gene with variants in a specimen, and how many of the classes asked for; a structural variant of two genes counts
-- for both.
WITH found AS (
    SELECT
        person_id,
        specimen_source_value AS specimen,
        coalesce(ensembl_gene_id, gene_source_value) AS gene,
        partner,
        omics_variant_id,
        $classes IS NULL OR list_contains($classes, variant_class) AS counts
    FROM cdm.omics_variant
    WHERE assay = $assay
)

SELECT
    f.person_id,
    f.specimen,
    f.gene,
    count(DISTINCT f.omics_variant_id) FILTER (f.counts) AS variants
FROM (
    SELECT
        person_id,
        specimen,
        gene,
        omics_variant_id,
        counts
    FROM found
    UNION ALL
    SELECT
        p.person_id,
        p.specimen,
        coalesce(n.gene, p.partner),
        p.omics_variant_id,
        p.counts
    FROM found AS p
    LEFT JOIN gene_names AS n ON p.partner = n.name
    WHERE p.partner IS NOT NULL
) AS f
GROUP BY f.person_id, f.specimen, f.gene
