-- One row: an assay that has, or looks for, variants.
SELECT assay FROM cdm.omics_variant
UNION
SELECT assay FROM cdm.omics_occurrence WHERE layer IS NULL
ORDER BY assay
