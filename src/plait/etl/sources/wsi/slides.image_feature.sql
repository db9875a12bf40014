-- One row: what a slide says of its making: its resolution, and its objective.
WITH mirax AS (
    SELECT
        name,
        stem
    FROM slides
    WHERE is_slide = 'true' AND lower(name) LIKE '%.mrxs'
),

part AS (
    SELECT
        f.* EXCLUDE (stem),
        coalesce(m.stem, f.stem) AS stem,
        coalesce(f.series, m.stem, f.stem) AS image,
        f.is_slide = 'true' OR m.stem IS NOT NULL AS is_part
    FROM slides AS f
    LEFT JOIN mirax AS m ON f.is_slide = 'false' AND starts_with(f.name, concat(m.stem, '/'))
),

told AS (
    SELECT
        f.*,
        CASE WHEN o.person = 'name' OR (o.person IS NULL AND o.barcode = 'tcga') THEN regexp_extract(f.stem, '[^/]+$') ELSE s.person END AS said_person,
        s.date,
        s.known_time,
        o.barcode,
        o.person_pattern
    FROM part AS f
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON s.key IN (f.name, f.stem, f.series, regexp_extract(f.name, '[^/]+$'), regexp_extract(f.stem, '[^/]+$'))
),

named AS (
    SELECT
        t.*,
        plait_named_person(plait_slide_name(plait_within(t.said_person, t.person_pattern), t.barcode), t.barcode) AS own_person,
        row_number() OVER (
            PARTITION BY t.image, t.is_part ORDER BY t.is_slide DESC, coalesce(t.role, 'level') = 'level' DESC, TRY_CAST(t.width AS BIGINT) DESC, t.name
        ) = 1 AS is_first
    FROM told AS t
),

fact AS (
    SELECT
        n.*,
        coalesce(n.own_person, max(n.own_person) OVER (PARTITION BY n.image, n.is_part)) AS person,
        coalesce(n.date, max(n.date) OVER (PARTITION BY n.image, n.is_part), n.acquired) AS start,
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
    f.image,
    f.start,
    f.known_time,
    f.fact.code,
    'DICOM' AS code_system,
    f.fact.value AS value_number,
    f.fact.unit,
    'image' AS type,
    CASE WHEN NOT f.is_part THEN 'other_file' WHEN NOT f.is_first OR f.fact.value IS NULL THEN 'no_feature' END AS _ignore
FROM fact AS f
