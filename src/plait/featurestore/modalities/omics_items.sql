-- One row: a specimen that an assay measured or looked at, with its panel, and when it was taken and its values were there to be used;
-- one without a date stands nowhere in time, and is left out.
SELECT
    o.omics_occurrence_id AS row_id,
    o.person_id,
    coalesce(o.specimen_source_value, o.omics_source_value, '') AS specimen,
    coalesce(o.panel, '') AS panel,
    coalesce(o.omics_occurrence_datetime, CAST(o.omics_occurrence_date AS TIMESTAMP)) AS event_time,
    greatest(
        coalesce(o.omics_occurrence_datetime, CAST(o.omics_occurrence_date AS TIMESTAMP)),
        coalesce(m.known_time, CAST(o.omics_occurrence_date AS TIMESTAMP) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND)
    ) AS known_time
FROM cdm.omics_occurrence AS o
LEFT JOIN plait.row_meta AS m ON m.table_name = 'omics_occurrence' AND o.omics_occurrence_id = m.row_id
WHERE o.assay = $assay AND (o.layer IS NULL) = $variants AND o.omics_occurrence_date IS NOT NULL
ORDER BY o.person_id, event_time, known_time, row_id
