-- One row: how many different concepts occur in a column, and how many of them are not among the concepts of the package.
SELECT
    count(*) AS concepts,
    count_if(c.concept_id IS NULL) AS unknown
FROM (SELECT DISTINCT concept_id FROM occurring WHERE concept_id <> 0) AS o
LEFT JOIN known_concept AS c ON o.concept_id = c.concept_id
