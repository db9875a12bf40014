-- One row: a domain that a concept of the export is of.
SELECT d.*
FROM cdm.domain AS d
WHERE d.domain_id IN (SELECT c.domain_id FROM cdm.concept AS c SEMI JOIN used AS u ON c.concept_id = u.concept_id)
ORDER BY d.domain_id
