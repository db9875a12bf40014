-- profiled_value, one row: a distinct value of a column, on how many records it stands, and whether it is a word for no value.
-- profiled_sample: at most $most of those that are values, the same ones whatever the order of the records.
CREATE OR REPLACE TEMP TABLE profiled_value AS
SELECT
    value,
    count(*) AS records,
    trim(value) IN (
        'NULL', 'null', 'Null', '(null)', 'NA', 'N/A', 'n/a', '#N/A', '\N', 'NaN', 'nan',
        'None', '-', '--', '.', '?', '[Not Available]', '___'
    ) AS is_none
FROM profiled
WHERE value IS NOT NULL
GROUP BY value;

CREATE OR REPLACE TEMP TABLE profiled_sample AS
SELECT
    value,
    records
FROM profiled_value
WHERE NOT is_none
ORDER BY hash(value), value
LIMIT $most;
