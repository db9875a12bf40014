-- One row: the specimen of an item, where the source says when it was taken and of what type it is.
WITH told AS (
    SELECT
        i._pointer,
        coalesce(i.person, s.person) AS person,
        CASE WHEN o.barcode = 'tcga' THEN coalesce(i.specimen, s.specimen, i.item) ELSE coalesce(i.specimen, s.specimen) END AS specimen,
        coalesce(i.date, s.date) AS date,
        o.barcode,
        o.person_pattern,
        o.specimen_pattern,
        o.specimen_type
    FROM items AS i
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON i.sheet_item = s.key
),

named AS (
    SELECT
        t.* EXCLUDE (person, specimen),
        t.specimen IS NOT NULL AS names_specimen,
        plait_named_person(plait_within(t.person, t.person_pattern), t.barcode) AS person,
        plait_named_specimen(plait_within(t.specimen, t.specimen_pattern), t.barcode) AS specimen
    FROM told AS t
)

SELECT
    n._pointer,
    n.person,
    n.specimen,
    n.date AS start,
    n.specimen_type AS code,
    'SNOMED' AS code_system,
    CASE WHEN n.barcode = 'tcga' THEN plait_tcga_status(n.specimen) END AS status,
    'TCGA_SAMPLE_STATUS' AS status_system,
    'ehr' AS type,
    n.specimen AS _merge_key,
    CASE WHEN n.date IS NULL OR n.specimen_type IS NULL OR NOT n.names_specimen THEN 'no_specimen_data' END AS _ignore
FROM named AS n
