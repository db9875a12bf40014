-- One row: how many texts were read that no kept note has.
SELECT count(*) AS texts
FROM text_read AS t
WHERE t.text NOT IN (SELECT sha256(n.note_text) FROM kept_note AS n WHERE n.note_text IS NOT NULL)
