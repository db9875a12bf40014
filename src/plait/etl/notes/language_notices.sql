-- One row: how many notes of a person in a file no extractor reads, by their language; none where nothing reads notes.
SELECT
    n.person_id,
    n.source,
    n.file,
    'unread_language' AS kind,
    n.language AS detail,
    count(*) AS records
FROM note_row AS n
WHERE n.language IS NOT NULL AND EXISTS (FROM extractor) AND NOT EXISTS (FROM extractor AS x WHERE list_contains(x.languages, lower(n.language[:2])))
GROUP BY n.person_id, n.source, n.file, n.language
ORDER BY ALL
