-- One row: a concept that is an age, by its name: `Age`, `Age at diagnosis`, `Current chronological age`.
SELECT concept_id
FROM cdm.concept
WHERE is_called_age(concept_name) AND domain_id IN ('Measurement', 'Observation')
