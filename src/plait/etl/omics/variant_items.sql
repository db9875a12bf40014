-- One row: a specimen that an assay looked at for variants, or that has one of it although nobody says that it was looked at.
SELECT
    coalesce(o.omics_source_value, v.specimen) AS item,
    coalesce(o.person_id, v.person_id) AS person_id,
    coalesce(o.specimen_source_value, o.omics_source_value, v.specimen) AS specimen,
    coalesce(o.panel, '') AS panel,
    o.omics_occurrence_id IS NOT NULL AS is_looked_at
FROM (SELECT * FROM cdm.omics_occurrence WHERE assay = $assay AND layer IS NULL) AS o
FULL JOIN (SELECT DISTINCT person_id, specimen_source_value AS specimen FROM cdm.omics_variant WHERE assay = $assay) AS v
    ON o.person_id = v.person_id AND coalesce(o.specimen_source_value, o.omics_source_value) = v.specimen
ORDER BY person_id, specimen, item
