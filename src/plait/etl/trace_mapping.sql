-- One row: a row of the study map that a traced record's code used.
SELECT DISTINCT
    $attribute AS attribute,
    m.*
FROM traced AS t
INNER JOIN plait.study_map AS m ON t.source = m.source AND t.code_system = m.code_system AND t.code = m.code
WHERE t.record IN (SELECT unnest($numbers))
ORDER BY ALL
