-- One row: a gene of a matrix.
SELECT
    f._pointer,
    concat(f.assay, '/', coalesce(f.gene, f.entrez)) AS feature,
    f.assay,
    coalesce(f.gene, f.entrez) AS gene
FROM features AS f
