-- late_reject, one row: a dimension record that contradicts another one of the same key, or a link that cannot be followed.
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
    l.person_id,
    l.source,
    l.file,
    'link' AS shape,
    l.digest,
    f.reason
FROM live_link AS l
INNER JOIN link_fate AS f ON l.person = f.label AND l.link_system = f.system AND l.identifier = f.identifier
WHERE f.reason IS NOT NULL;
