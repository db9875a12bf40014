-- One row: a text that some concept is named by, of those behind which a standard concept of $domain is; of all, where
-- that is null.
SELECT DISTINCT n.folded
FROM name AS n
INNER JOIN target AS t ON n.concept_id = t.concept_id
INNER JOIN vocabulary.concept AS c ON t.target_concept_id = c.concept_id
WHERE $domain IS NULL OR c.domain_id = $domain
ORDER BY n.folded
