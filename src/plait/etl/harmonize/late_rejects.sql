-- One row: a record that a shard rejects: it contradicts another one of the same key, or a death before birth.
SELECT
    file_id,
    record,
    shape,
    'duplicate_key' AS reason
FROM all_loser
WHERE fate = 'rejected'
UNION ALL
SELECT
    file_id,
    record,
    'death' AS shape,
    'death_before_birth' AS reason
FROM death_row
WHERE before_birth
ORDER BY ALL
