-- The raw text of a rejected record goes where a value or a word of it is an identifier of somebody who was forgotten.
UPDATE reject_raw SET raw = NULL
WHERE
    file_id = $file_id
    AND raw IS NOT NULL
    AND len(list_filter(
        list_distinct(list_concat(
            regexp_extract_all(raw, '"((?:[^"\\]|\\.)*)"', 1),
            regexp_split_to_array(raw, '[\s,;:|/\\()\[\]{}"''<>=]+')
        )),
        lambda word: plait_tombstone($system, word) IN (SELECT t.hash FROM tombstone AS t)
    )) > 0;
