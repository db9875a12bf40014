-- One row per vocabulary that has concepts: its id, its version, the number of its concepts,
-- and whether VOCABULARY lists it.
WITH counted AS (
    SELECT
        vocabulary_id,
        COUNT(*) AS concepts
    FROM temp.concept
    GROUP BY vocabulary_id
),

listed AS (
    SELECT
        vocabulary_id,
        ANY_VALUE(vocabulary_version) AS version
    FROM temp.vocabulary
    GROUP BY vocabulary_id
)

SELECT
    counted.vocabulary_id,
    listed.version,
    counted.concepts,
    listed.vocabulary_id IS NOT NULL AS is_listed
FROM counted
LEFT JOIN listed ON counted.vocabulary_id = listed.vocabulary_id
ORDER BY counted.vocabulary_id
