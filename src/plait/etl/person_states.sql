-- person_state, one row: a person and what a run has to do: changed (compute), same (leave), gone (remove).
CREATE OR REPLACE TEMP TABLE person_state AS
WITH differing AS (
    SELECT DISTINCT coalesce(n.person_id, b.person_id) AS person_id
    FROM digest_now AS n
    FULL JOIN digest_before AS b ON n.person_id = b.person_id AND n.source = b.source
    WHERE n.digest IS DISTINCT FROM b.digest OR n."rows" IS DISTINCT FROM b."rows"
    UNION
    SELECT person_id FROM touched
)

SELECT
    p.person_id,
    p.system,
    p.identifier,
    CASE WHEN d.person_id IS NULL THEN 'same' ELSE 'changed' END AS state
FROM present AS p
LEFT JOIN differing AS d ON p.person_id = d.person_id
UNION ALL
SELECT
    d.person_id,
    NULL AS system,
    NULL AS identifier,
    'gone' AS state
FROM differing AS d
ANTI JOIN present AS p ON d.person_id = p.person_id;
