-- One row: a note of the manifest with its text, its own or that of the file it names.
SELECT
    n._pointer,
    n.person,
    coalesce(n.note_id, n.file, CAST(n._pointer.digest AS VARCHAR)) AS note,
    n.datetime AS start,
    n.visit,
    n.provider,
    n.type AS document_type,
    o.document_type_system,
    n.title,
    coalesce(n.text, nullif(coalesce(t.content, b.content), '')) AS body,
    CASE WHEN n.text IS NULL THEN n.file END AS text_file,
    'UTF-8' AS encoding,
    coalesce(n.language, o.language) AS language,
    'ehr_note' AS type,
    CASE WHEN n.text IS NULL AND n.file IS NOT NULL AND t.name IS NULL AND b.name IS NULL THEN 'missing_file' END AS _reject
FROM notes AS n
CROSS JOIN options AS o
LEFT JOIN texts AS t ON n.file = t.name
LEFT JOIN texts AS b ON 'texts/' || n.file = b.name
