-- code_change, one row: a code of the study for which something else was decided than what it means now.
CREATE OR REPLACE TEMP TABLE code_change AS
WITH now AS (
    SELECT
        source,
        code_system,
        code,
        list(DISTINCT target_concept_id ORDER BY target_concept_id) AS targets
    FROM study_map
    GROUP BY source, code_system, code
),

decided AS (
    SELECT
        code_system,
        code,
        list(DISTINCT target_concept_id ORDER BY target_concept_id) AS targets
    FROM decision
    GROUP BY code_system, code
)

SELECT
    n.source,
    n.code_system,
    n.code
FROM now AS n
INNER JOIN decided AS d ON n.code_system = d.code_system AND n.code = d.code
WHERE n.targets != d.targets;
