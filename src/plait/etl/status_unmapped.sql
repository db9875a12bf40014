-- One row: how many distinct codes of a code system have no standard concept, and why.
SELECT
    source,
    code_system,
    mapped_by AS reason,
    count(DISTINCT code) AS codes
FROM plait.study_map
WHERE target_concept_id = 0
GROUP BY source, code_system, mapped_by
ORDER BY codes DESC, source, code_system, reason
