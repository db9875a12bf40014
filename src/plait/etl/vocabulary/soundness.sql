-- One row: what the loaded concepts and relationships are like as a whole.
-- $late is a day after which no concept of this release should begin.
WITH concepts AS (
    SELECT
        COUNT(*) AS concepts,
        COUNT(DISTINCT concept_id) AS concept_ids,
        COUNT(*) FILTER (WHERE standard_concept = 'S' AND invalid_reason IS NOT NULL) AS standard_but_invalid,
        COUNT(*) FILTER (WHERE valid_start_date > $late) AS late_concepts
    FROM temp.concept
),

links AS (
    SELECT
        COUNT(*) AS relationships,
        COUNT(*) FILTER (WHERE relationship_id = 'Maps to' AND invalid_reason IS NULL) AS maps_to
    FROM temp.concept_relationship
),

resolved AS (
    SELECT COUNT(*) AS relationships
    FROM temp.concept_relationship
    WHERE concept_id_2 IN (SELECT concept_id FROM temp.concept)
)

SELECT
    concepts.concepts,
    concepts.concept_ids,
    concepts.standard_but_invalid,
    concepts.late_concepts,
    links.maps_to,
    links.relationships - resolved.relationships AS dangling
FROM concepts
CROSS JOIN links
CROSS JOIN resolved
