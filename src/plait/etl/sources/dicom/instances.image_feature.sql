-- One row: an acquisition fact of a series, once for all instances that agree; or what a segmentation, a structure set or a
-- report says of the series that it was made from, or whose picture stands beside it.
WITH said AS (
    SELECT
        i.*,
        list_concat(
            list_filter(
                [
                    {'part': 1, 'code': 'SliceThickness', 'value': i.slice_thickness, 'unit': 'mm'},
                    {'part': 2, 'code': 'SpacingBetweenSlices', 'value': i.slice_spacing, 'unit': 'mm'},
                    {'part': 3, 'code': 'KVP', 'value': i.kvp, 'unit': 'kV'},
                    {'part': 4, 'code': 'XRayTubeCurrent', 'value': i.tube_current, 'unit': 'mA'},
                    {'part': 5, 'code': 'MagneticFieldStrength', 'value': i.field_strength, 'unit': 'T'},
                    {'part': 6, 'code': 'RepetitionTime', 'value': i.repetition_time, 'unit': 'ms'},
                    {'part': 7, 'code': 'EchoTime', 'value': i.echo_time, 'unit': 'ms'},
                    {'part': 8, 'code': 'FlipAngle', 'value': i.flip_angle, 'unit': 'deg'}
                ],
                x -> x.value IS NOT NULL
            ),
            list_transform(
                from_json(i.features, '[{"code": "VARCHAR", "value": "VARCHAR", "unit": "VARCHAR"}]'),
                (x, n) -> {'part': 8 + n, 'code': x.code, 'value': x.value, 'unit': x.unit}
            )
        ) AS facts
    FROM instances AS i
),

fact AS (
    SELECT
        s.* EXCLUDE (facts),
        unnest(CASE WHEN len(s.facts) > 0 THEN s.facts ELSE [NULL] END) AS fact
    FROM said AS s
),

worded AS (
    SELECT
        f.*,
        f.fact.part > 8 AS is_finding,
        from_json(
            json_extract(f.features, concat('$[', f.fact.part - 9, ']')),
            '{"scheme": "VARCHAR", "label": "VARCHAR", "algorithm": "VARCHAR", "site": {"code": "VARCHAR", "scheme": "VARCHAR"},
            "finding": "VARCHAR", "finding_scheme": "VARCHAR", "words": "VARCHAR", "about": "VARCHAR"}'
        ) AS words
    FROM fact AS f
)

SELECT
    w._pointer,
    coalesce(w.fact.part, 0) AS _part,
    w.patient AS person,
    CASE WHEN w.is_finding THEN coalesce(w.words.about, w.derived_from, w.series) ELSE w.series END AS image,
    coalesce(
        plait_dicom_time(w.acquisition_date, w.acquisition_time),
        plait_dicom_time(w.series_date, w.series_time),
        plait_dicom_time(w.content_date, w.content_time),
        plait_dicom_time(w.study_date, w.study_time),
        plait_dicom_time(w.structure_set_date, w.structure_set_time)
    ) AS start,
    coalesce(w.fact.code, w.words.label, 'unnamed') AS code,
    CASE WHEN w.is_finding THEN coalesce(w.words.scheme, 'DCM') ELSE 'DICOM' END AS code_system,
    coalesce(w.words.label, w.fact.code) AS display,
    w.fact.value AS value_number,
    w.fact.unit,
    w.words.words AS value_text,
    w.words.finding,
    w.words.finding_scheme AS finding_system,
    w.words.site.code AS site,
    w.words.site.scheme AS site_system,
    w.words.algorithm,
    CASE WHEN w.is_finding THEN w.series END AS found_in,
    'image' AS type,
    CASE WHEN w.is_finding THEN concat_ws('/', w.instance, w.fact.part) ELSE concat_ws('/', w.series, w.fact.code, w.fact.value) END AS _merge_key,
    CASE WHEN w.fact IS NULL THEN 'no_feature' END AS _ignore
FROM worded AS w
