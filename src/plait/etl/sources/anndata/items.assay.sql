-- One row: an item of the matrix; the items of one specimen (its cells, its aliquots) are one assay of it.
WITH told AS (
    SELECT
        i.* EXCLUDE (person, specimen, date, known_time, panel),
        coalesce(i.person, s.person) AS person,
        CASE WHEN o.barcode = 'tcga' THEN coalesce(i.specimen, s.specimen, i.item) ELSE coalesce(i.specimen, s.specimen) END AS specimen,
        coalesce(i.date, s.date) AS date,
        coalesce(i.known_time, s.known_time) AS known_time,
        coalesce(i.panel, s.panel) AS panel,
        o.aliquots,
        o.barcode,
        o.person_pattern,
        o.specimen_pattern
    FROM items AS i
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON i.sheet_item = s.key
),

named AS (
    SELECT
        t.* EXCLUDE (person, specimen),
        plait_named_person(plait_within(t.person, t.person_pattern), t.barcode) AS person,
        plait_named_specimen(plait_within(t.specimen, t.specimen_pattern), t.barcode) AS specimen
    FROM told AS t
)

SELECT
    n._pointer,
    n.person,
    n.specimen,
    n.item,
    n.assay,
    n.layer,
    n.date AS start,
    n.known_time,
    n.panel,
    n.features,
    n.missing,
    n.infinite,
    n.value_sha256,
    'ehr' AS type,
    CASE WHEN n.specimen IS NOT NULL THEN concat(n.assay, '/', n.specimen) END AS _merge_key,
    CASE
        WHEN n.aliquots = 'first' AND n.specimen IS NOT NULL
            AND row_number() OVER (PARTITION BY n.person, n.specimen ORDER BY n.item) > 1
            THEN 'other_aliquot'
    END AS _ignore,
    CASE
        WHEN n.layer = 'counts' AND n.negative != '0' THEN 'negative_count'
        WHEN n.specimen_pattern IS NOT NULL AND n.specimen IS NULL THEN 'missing_value'
    END AS _reject
FROM named AS n
