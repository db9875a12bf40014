-- One row: a series, or a series with one segmentation of it; where a region is asked for and none was known with the series, that it has none.
WITH series AS (
    SELECT * FROM picture WHERE list_contains($modalities, modality)
),

segmented AS (
    SELECT
        s.source,
        concat_ws('/', s.item, r.item) AS item,
        concat_ws('/', s.files, r.source, r.files) AS files,
        s.person_id,
        s.event_time,
        greatest(s.known_time, r.known_time) AS known_time,
        s.image_occurrence_id AS row_id,
        r.image_occurrence_id AS region_id,
        s.is_unreachable OR r.is_unreachable AS is_unreachable,
        FALSE AS has_none
    FROM series AS s
    INNER JOIN picture AS r ON s.image_occurrence_id = r.derived_from_id AND r.modality = 'SEG'
    WHERE $region <> 'whole'
),

alone AS (
    SELECT
        s.source,
        s.item,
        s.files,
        s.person_id,
        s.event_time,
        s.known_time,
        s.image_occurrence_id AS row_id,
        CAST(NULL AS BIGINT) AS region_id,
        s.is_unreachable,
        $region = 'segmentation' AS has_none
    FROM series AS s
    WHERE
        $region <> 'segmentation'
        OR NOT EXISTS (FROM segmented AS r WHERE s.image_occurrence_id = r.row_id AND s.known_time >= r.known_time)
)

SELECT
    source,
    item,
    sha256(files) AS content,
    person_id,
    event_time,
    known_time,
    row_id,
    CAST(CASE WHEN is_unreachable THEN $unreachable WHEN has_none THEN $none ELSE 0 END AS UTINYINT) AS status,
    region_id
FROM (SELECT * FROM segmented UNION ALL SELECT * FROM alone)
ORDER BY source, item, content
