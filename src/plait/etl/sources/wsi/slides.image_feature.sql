-- One row: what a slide says of its making: its resolution, and its objective.
WITH told AS (
    SELECT
        f.*,
        CASE WHEN o.person = 'name' OR (o.person IS NULL AND o.barcode = 'tcga') THEN regexp_extract(f.stem, '[^/]+$') ELSE s.person END AS said_person,
        s.date,
        s.known_time,
        o.barcode,
        o.person_pattern
    FROM slides AS f
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON s.key IN (f.name, f.stem, regexp_extract(f.name, '[^/]+$'), regexp_extract(f.stem, '[^/]+$'))
),

named AS (
    SELECT
        t.*,
        plait_named_person(plait_slide_name(plait_within(t.said_person, t.person_pattern), t.barcode), t.barcode) AS person
    FROM told AS t
),

fact AS (
    SELECT
        n.*,
        unnest(
            list_filter(
                [
                    {'part': 1, 'code': 'microns per pixel', 'value': n.mpp_x, 'unit': 'um'},
                    {'part': 2, 'code': 'ObjectiveLensPower', 'value': n.objective, 'unit': NULL}
                ],
                x -> x.value IS NOT NULL OR x.part = 1
            )
        ) AS fact
    FROM named AS n
)

SELECT
    f._pointer,
    f.fact.part AS _part,
    f.person,
    f.stem AS image,
    coalesce(f.date, f.acquired) AS start,
    f.known_time,
    f.fact.code,
    'DICOM' AS code_system,
    f.fact.value AS value_number,
    f.fact.unit,
    'image' AS type,
    CASE WHEN f.is_slide = 'false' THEN 'other_file' WHEN f.fact.value IS NULL THEN 'no_feature' END AS _ignore
FROM fact AS f
