-- The raw text of a rejected record goes where a value or a word of it is an identifier of somebody who was forgotten: of the source's own system,
-- or one that is long enough to tell whose it is wherever it stands.
UPDATE reject_raw SET raw = NULL
WHERE
    file_id = $file_id
    AND record IN (
        SELECT w.record
        FROM (
            SELECT
                record,
                unnest(list_distinct(list_concat(
                    regexp_extract_all(raw, '"((?:[^"\\]|\\.)*)"', 1),
                    regexp_split_to_array(raw, '[\s,;:|/\\()\[\]{}"''<>=]+')
                ))) AS word
            FROM reject_raw
            WHERE file_id = $file_id
        ) AS w
        WHERE
            plait_tombstone($system, w.word) IN (SELECT t.hash FROM tombstone AS t)
            OR plait_tombstone('word', w.word) IN (SELECT t.hash FROM word_tombstone AS t)
    );
