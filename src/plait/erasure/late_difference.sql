-- One row: a reason by which records were rejected after they were staged, and how many of them are forgotten.
INSERT INTO reason_difference
SELECT
    r.source,
    r.file,
    r.shape,
    'rejected',
    r.reason,
    -count(DISTINCT struct_pack(f := r.file_id, r := r.record))
FROM rejected_before AS r
INNER JOIN sound_pointer AS p ON r.file_id = p.file_id AND r.record = p.record AND r.shape = p.shape
INNER JOIN erased_record AS e ON r.file_id = e.file_id AND r.record = e.record
GROUP BY r.source, r.file, r.shape, r.reason;
