-- One row more in row_meta: a derived row, known when the last row that it is made of was known; its end, as far as
-- any of them has one, when the last of them and their ends were known. Tables whose rows are in row_meta already are left alone.
INSERT INTO row_meta
SELECT
    d.table_name,
    d.row_id,
    any_value(m.person_id),
    max(m.known_time),
    CASE WHEN max(m.end_known_time) IS NOT NULL THEN greatest(max(m.known_time), max(m.end_known_time)) END
FROM derivation AS d
INNER JOIN row_meta AS m ON d.from_table = m.table_name AND d.from_row_id = m.row_id
WHERE d.table_name NOT IN (SELECT k.table_name FROM row_meta AS k)
GROUP BY d.table_name, d.row_id;
