-- One row: a mask of values of a column, each digit a 9, each letter an A: the commonest ones.
SELECT regexp_replace(regexp_replace(value, '[0-9]', '9', 'g'), '[A-Za-z]', 'A', 'g') AS mask
FROM profiled_sample
WHERE length(value) <= 40
GROUP BY mask
ORDER BY count(*) DESC, mask
LIMIT 100
