-- One row: a note of the version that a view counts, named by the record that it was loaded from.
-- A note of a date without a time was written on its day, and before it was known.
WITH record AS (
    SELECT
        row_id,
        MIN_BY(
            {'source': source, 'item': CONCAT_WS('/', file, shape, CAST(digest AS VARCHAR))},
            (role <> 'loaded', source, file, shape, digest)
        ) AS named
    FROM plait.lineage_key
    WHERE table_name = 'note'
    GROUP BY row_id
)

SELECT
    COALESCE(r.named.source, '') AS source,
    COALESCE(r.named.item, CONCAT('note/', n.note_id)) AS item,
    SHA256(COALESCE(n.note_text, '')) AS content,
    n.person_id,
    COALESCE(
        n.note_datetime,
        LEAST(n.note_date + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND, GREATEST(CAST(n.note_date AS TIMESTAMP), m.known_time))
    ) AS event_time,
    COALESCE(m.known_time, CAST(n.note_date AS TIMESTAMP) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND) AS known_time,
    n.note_id AS row_id,
    CAST(IF(TRIM(COALESCE(n.note_text, ''), E' \t\n\r\f\v') = '', $no_material, $observed) AS UTINYINT) AS status
FROM cdm.note AS n
LEFT JOIN record AS r ON n.note_id = r.row_id
LEFT JOIN plait.row_meta AS m ON m.table_name = 'note' AND n.note_id = m.row_id
WHERE
    (LEN($types) = 0 OR LIST_CONTAINS($types, n.note_type_concept_id))
    AND (LEN($classes) = 0 OR LIST_CONTAINS($classes, n.note_class_concept_id))
    AND (LEN($codes) = 0 OR LIST_CONTAINS($codes, n.note_source_value))
ORDER BY source, item;
