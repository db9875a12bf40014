-- One row: a text that a kept note has, and what was found in it.
SELECT
    shard,
    text,
    any_value(findings) AS findings
FROM text_read AS t
WHERE t.text IN (SELECT sha256(n.note_text) FROM kept_note AS n WHERE n.note_text IS NOT NULL)
GROUP BY shard, text
ORDER BY text
