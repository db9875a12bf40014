-- At most one row: the lowest concept_id that stands on more than one line, and on how many.
SELECT
    concept_id,
    COUNT(*) AS times
FROM temp.concept
GROUP BY concept_id
HAVING COUNT(*) > 1
ORDER BY concept_id
LIMIT 1
