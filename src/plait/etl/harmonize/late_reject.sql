-- late_reject, one row: a record that other records reject: it contradicts one of the same key, names a specimen that
-- several persons claim, or tells of a death before birth.
CREATE OR REPLACE TEMP TABLE late_reject AS
SELECT
    person_id,
    source,
    file,
    shape,
    digest,
    'duplicate_key' AS reason
FROM all_loser
WHERE fate = 'rejected'
UNION ALL
SELECT
    person_id,
    source,
    file,
    shape,
    digest,
    'claimed_twice' AS reason
FROM all_loser
WHERE fate = 'contested'
UNION ALL
SELECT
    person_id,
    source,
    file,
    'death' AS shape,
    digest,
    'death_before_birth' AS reason
FROM death_row
WHERE before_birth;
