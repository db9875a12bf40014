-- One row: a file of an image of a person who leaves: whose, under which new ids, and what is known of the file.
SELECT
    o.image_occurrence_id AS image,
    new_row(o.image_occurrence_id, o.person_id, s.new_id) AS new_image,
    s.new_id,
    s.shift_days,
    i.source,
    coalesce(o.image_series_uid, CAST(o.image_occurrence_id AS VARCHAR)) AS series_uid,
    f.instance_uid,
    f.uri,
    f.size_bytes,
    any_value(c.sha256) AS sha256
FROM plait.image_file AS f
INNER JOIN plait.image_item AS i ON f.image_occurrence_id = i.image_occurrence_id
INNER JOIN cdm.image_occurrence AS o ON f.image_occurrence_id = o.image_occurrence_id
INNER JOIN pseudonym AS s ON o.person_id = s.person_id
LEFT JOIN plait.image_check AS c ON f.image_occurrence_id = c.image_occurrence_id AND i.source = c.source AND f.uri = c.uri
GROUP BY ALL
ORDER BY s.new_id, o.image_occurrence_id, f.uri
