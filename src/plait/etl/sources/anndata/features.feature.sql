-- One row: a feature of the matrix.
SELECT
    f._pointer,
    concat(f.assay, '/', f.feature) AS feature,
    f.assay,
    coalesce(f.gene, f.feature) AS gene
FROM features AS f
