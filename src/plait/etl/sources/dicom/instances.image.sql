-- One row: a file, an instance of a series; all instances of a series are one image. A DICOMDIR is none, and says how many of
-- the files that it lists were not read.
WITH listed AS (
    SELECT
        d._pointer,
        concat(regexp_extract(d.name, '^.*[/!]'), unnest(from_json(d.listed, '["VARCHAR"]'))) AS name
    FROM instances AS d
    WHERE d.listed IS NOT NULL
),

lost AS (
    SELECT
        l._pointer,
        count(*) AS files
    FROM listed AS l
    ANTI JOIN instances AS f ON lower(l.name) = lower(f.name)
    GROUP BY l._pointer
)

SELECT
    i._pointer,
    i.patient AS person,
    i.series AS image,
    coalesce(
        plait_dicom_time(i.acquisition_date, i.acquisition_time),
        plait_dicom_time(i.series_date, i.series_time),
        plait_dicom_time(i.content_date, i.content_time),
        plait_dicom_time(i.study_date, i.study_time),
        plait_dicom_time(i.structure_set_date, i.structure_set_time)
    ) AS start,
    i.study,
    i.accession,
    i.container AS specimen,
    i.modality,
    'DICOM_MODALITY' AS modality_system,
    coalesce(i.site_code, i.body_part) AS site,
    CASE WHEN i.site_code IS NOT NULL THEN i.site_scheme ELSE 'DICOM_BODY_PART' END AS site_system,
    i.procedure_code AS procedure,
    i.procedure_scheme AS procedure_system,
    i.name AS uri,
    i.instance,
    l.files AS instances,
    i.size_bytes,
    i.mtime_ns,
    nullif(i.derived_from, i.series) AS derived_from,
    i.geometry,
    coalesce(
        CASE WHEN l.files > 0 THEN 'dicomdir_file_missing' END,
        CASE WHEN upper(i.burned_in) = 'YES' THEN 'burned_in_annotation' END
    ) AS flag,
    'image' AS type,
    i.series AS _merge_key,
    CASE WHEN i.sop_class = '1.2.840.10008.1.3.10' THEN 'dicomdir' END AS _ignore
FROM instances AS i
LEFT JOIN lost AS l ON i._pointer = l._pointer
