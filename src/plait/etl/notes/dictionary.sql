-- One row: a levelled name and what it means: the concept of the best rank that has the name, and its standard concepts.
-- A standard concept goes before one that maps, a concept's own name before a synonym, a domain before those named after it.
-- A name that means more than three different things of one rank tells nothing and is left out.
WITH ranked AS (
    SELECT
        *,
        dense_rank() OVER (PARTITION BY form ORDER BY len(targets) = 0, NOT is_standard, NOT is_own, domain_rank) AS rank
    FROM form
)

SELECT
    form,
    CASE WHEN bool_and(gaps IS NOT NULL) THEN min(gaps) END AS gaps,
    bool_and(is_acronym) AS is_acronym,
    arg_min(targets, concept_id) FILTER (rank = 1) AS targets,
    min(concept_id) FILTER (rank = 1) AS concept_id,
    arg_min(domains, concept_id) FILTER (rank = 1) AS domains,
    count(DISTINCT CASE WHEN len(targets) = 0 THEN [concept_id] ELSE targets END) FILTER (rank = 1) AS candidates
FROM ranked
GROUP BY form
HAVING candidates <= 3
ORDER BY form
