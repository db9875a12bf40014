-- Files that were missing and stand elsewhere; where their contents are not known, one place is that of one file.
UPDATE checked SET status = 'moved', moved_to = m.moved_to
FROM (SELECT * FROM moved QUALIFY sha256 IS NOT NULL OR count(*) OVER (PARTITION BY source, moved_to) = 1) AS m
WHERE checked.source = m.source AND checked.uri = m.uri;
