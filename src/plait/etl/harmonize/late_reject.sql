-- late_reject, one row: a record that other records reject: it contradicts one of the same key, names a specimen or an
-- image that several persons claim, tells of an image that is not there, or of a death before birth.
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
SELECT DISTINCT
    s.person_id,
    s.source,
    s.file,
    'image' AS shape,
    s.digest,
    'undated_image' AS reason
FROM staged_image AS s
ANTI JOIN contested_image AS c ON s.file_id = c.file_id AND s.record = c.record AND s.part = c.part
ANTI JOIN image AS i ON s.key_space = i.key_space AND s.key = i.key
UNION ALL
SELECT
    f.person_id,
    f.source,
    f.file,
    'image_feature' AS shape,
    f.digest,
    'unknown_image' AS reason
FROM live_image_feature AS f
ANTI JOIN image_feature_row AS r ON f.key_space = r.key_space AND f.key = r.key
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
