-- One row: a file of a slide; its day is that of the sheet, else of its scanning, else its specimen's. One slide are the instances
-- of a DICOM series, and a .mrxs with the files of its folder: its largest level says what the whole is.
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
        CASE WHEN o.specimen = 'name' OR (o.specimen IS NULL AND o.barcode = 'tcga') THEN regexp_extract(f.stem, '[^/]+$') ELSE s.specimen END AS said_specimen,
        s.date,
        s.known_time,
        s.site,
        o.barcode,
        o.person_pattern,
        o.specimen_pattern,
        o.cardinality
    FROM part AS f
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON s.key IN (f.name, f.stem, f.series, regexp_extract(f.name, '[^/]+$'), regexp_extract(f.stem, '[^/]+$'))
),

named AS (
    SELECT
        t.*,
        plait_named_person(plait_slide_name(plait_within(t.said_person, t.person_pattern), t.barcode), t.barcode) AS own_person,
        plait_named_specimen(plait_slide_name(plait_within(t.said_specimen, t.specimen_pattern), t.barcode), t.barcode) AS own_specimen,
        row_number() OVER slide = 1 AS is_first,
        first_value(t.geometry) OVER slide AS slide_geometry,
        first_value(t.acquired) OVER slide AS slide_acquired,
        list_reverse(
            list_sort(list([TRY_CAST(t.width AS BIGINT), TRY_CAST(json_extract(t.geometry, '$.height') AS BIGINT)]) FILTER (t.role = 'level') OVER whole)
        ) AS sizes
    FROM told AS t
    WINDOW
        slide AS (PARTITION BY t.image, t.is_part ORDER BY t.is_slide DESC, coalesce(t.role, 'level') = 'level' DESC, TRY_CAST(t.width AS BIGINT) DESC, t.name),
        whole AS (PARTITION BY t.image, t.is_part)
),

joined AS (
    SELECT
        n.*,
        coalesce(n.own_person, max(n.own_person) OVER whole) AS person,
        coalesce(n.own_specimen, max(n.own_specimen) OVER whole) AS specimen,
        coalesce(n.date, max(n.date) OVER whole, n.slide_acquired) AS start,
        coalesce(n.known_time, max(n.known_time) OVER whole) AS known,
        coalesce(n.site, max(n.site) OVER whole) AS anatomic_site
    FROM named AS n
    WINDOW whole AS (PARTITION BY n.image, n.is_part)
)

SELECT
    n._pointer,
    n.person,
    n.image,
    n.start,
    n.known AS known_time,
    coalesce(n.study, n.specimen, n.image) AS study,
    n.specimen,
    'SM' AS modality,
    'DICOM_MODALITY' AS modality_system,
    n.anatomic_site AS site,
    'SNOMED' AS site_system,
    n.name AS uri,
    n.instance,
    n.size_bytes,
    n.mtime_ns,
    CASE
        WHEN json_extract_string(n.slide_geometry, '$.reader') = 'pydicom' AND len(n.sizes) > 0
            THEN
                CAST(
                    json_merge_patch(
                        n.slide_geometry,
                        json_object('levels', list_transform(n.sizes, x -> [CAST(x[1] AS DOUBLE), x[2], round(n.sizes[1][1] / x[1], 6)]))
                    ) AS VARCHAR
                )
        ELSE n.slide_geometry
    END AS geometry,
    nullif(
        concat_ws(
            ',',
            CASE WHEN n.is_first AND n.mpp_x IS NULL THEN 'no_resolution' END,
            CASE WHEN n.may_identify IS NOT NULL AND (n.is_first OR n.role <> 'level') THEN 'label_image' END
        ), ''
    ) AS flag,
    'image' AS type,
    n.image AS _merge_key,
    CASE WHEN NOT n.is_part THEN 'other_file' END AS _ignore,
    CASE
        WHEN n.cardinality = 'one' AND n.specimen IS NOT NULL AND n.is_part
            AND dense_rank() OVER (PARTITION BY n.specimen, n.is_part ORDER BY n.image) > 1
            THEN 'several_slides'
    END AS _reject
FROM joined AS n
