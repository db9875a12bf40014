-- One row: a file, which is a slide; its day is that of the sheet, else of its scanning, else its specimen's.
WITH told AS (
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
    FROM slides AS f
    CROSS JOIN options AS o
    LEFT JOIN sheet AS s ON s.key IN (f.name, f.stem, regexp_extract(f.name, '[^/]+$'), regexp_extract(f.stem, '[^/]+$'))
),

named AS (
    SELECT
        t.*,
        plait_named_person(plait_slide_name(plait_within(t.said_person, t.person_pattern), t.barcode), t.barcode) AS person,
        plait_named_specimen(plait_slide_name(plait_within(t.said_specimen, t.specimen_pattern), t.barcode), t.barcode) AS specimen
    FROM told AS t
)

SELECT
    n._pointer,
    n.person,
    n.stem AS image,
    coalesce(n.date, n.acquired) AS start,
    n.known_time,
    coalesce(n.specimen, n.stem) AS study,
    n.specimen,
    'SM' AS modality,
    'DICOM_MODALITY' AS modality_system,
    n.site,
    'SNOMED' AS site_system,
    n.name AS uri,
    n.size_bytes,
    n.mtime_ns,
    n.geometry,
    nullif(
        concat_ws(
            ',', CASE WHEN n.mpp_x IS NULL THEN 'no_resolution' END, CASE WHEN n.may_identify IS NOT NULL THEN 'label_image' END
        ), ''
    ) AS flag,
    'image' AS type,
    CASE WHEN n.is_slide = 'false' THEN 'other_file' END AS _ignore,
    CASE
        WHEN n.cardinality = 'one' AND n.specimen IS NOT NULL AND n.is_slide = 'true'
            AND row_number() OVER (PARTITION BY n.specimen, n.is_slide ORDER BY n.name) > 1
            THEN 'several_slides'
    END AS _reject
FROM named AS n
