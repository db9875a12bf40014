-- One row: a file of an image, and what is known of it: what this check found, else what the last one did.
SELECT * FROM checked
UNION ALL
SELECT t.*
FROM to_check AS t
ANTI JOIN checked AS c ON t.source = c.source AND t.uri = c.uri
WHERE t.status IS NOT NULL
ORDER BY source, uri
