-- One row more in lineage: a record that another one stands for, and the CDM rows of that one.
INSERT INTO lineage
SELECT
    w.table_name,
    w.row_id,
    l.file_id,
    l.record,
    l.shape,
    'merged'
FROM all_loser AS l
INNER JOIN lineage AS w ON l.winner_file_id = w.file_id AND l.winner_record = w.record AND l.shape = w.shape
WHERE l.fate = 'merged';
