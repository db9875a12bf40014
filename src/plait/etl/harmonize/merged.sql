-- One row more in lineage: a record that another one stands for, and a CDM row of that one. Exact copies
-- need no row of their own: they share their record's digest.
INSERT INTO lineage
SELECT DISTINCT
    w.table_name,
    w.row_id,
    w.person_id,
    l.source,
    l.file,
    l.shape,
    l.digest,
    'merged'
FROM all_loser AS l
INNER JOIN lineage AS w ON l.winner_source = w.source AND l.winner_file = w.file AND l.winner_digest = w.digest AND l.shape = w.shape
WHERE l.fate = 'merged' AND (l.digest != l.winner_digest OR l.file != l.winner_file OR l.source != l.winner_source);
