-- One row: a unit of years.
SELECT concept_id
FROM cdm.concept
WHERE vocabulary_id = 'UCUM' AND concept_code IN ('a', 'a_j', 'a_g', 'a_t')
