-- One row: a text that somebody is known by, each once: without what stands around it, and without the UIDs that DICOM gives, which are everybody's.
SELECT DISTINCT
    person_id,
    kind,
    regexp_replace(text_value, '^[\s\v\x{85}\p{Z}]+|[\s\v\x{85}\p{Z}]+$', '', 'g') AS text_value
FROM gathered_text
WHERE NOT regexp_matches(text_value, '^1\.2\.840\.10008\.') AND regexp_matches(text_value, '[^\s\v\x{85}\p{Z}]')
