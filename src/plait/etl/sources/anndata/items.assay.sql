-- One row: an item of the matrix; the items of one specimen (its cells, its aliquots) are one assay of it.
WITH named AS (
    SELECT
        i.*,
        o.aliquots,
        CASE WHEN o.barcode = 'tcga' THEN plait_tcga_patient(i.person) ELSE i.person END AS person_named,
        CASE WHEN o.barcode = 'tcga' THEN plait_tcga_sample(coalesce(i.specimen, i.item)) ELSE i.specimen END AS specimen_named
    FROM items AS i
    CROSS JOIN options AS o
)

SELECT
    n._pointer,
    n.person_named AS person,
    n.specimen_named AS specimen,
    n.item,
    n.assay,
    n.layer,
    n.date AS start,
    n.panel,
    n.features,
    n.missing,
    n.infinite,
    n.value_sha256,
    'ehr' AS type,
    CASE WHEN n.specimen_named IS NOT NULL THEN concat(n.assay, '/', n.specimen_named) END AS _merge_key,
    CASE
        WHEN n.aliquots = 'first' AND n.specimen_named IS NOT NULL
            AND row_number() OVER (PARTITION BY n.person_named, n.specimen_named ORDER BY n.item) > 1
            THEN 'other_aliquot'
    END AS _ignore,
    CASE WHEN n.layer = 'counts' AND n.negative != '0' THEN 'negative_count' END AS _reject
FROM named AS n
