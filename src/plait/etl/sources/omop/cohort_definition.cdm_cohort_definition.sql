-- One row: a cohort that somebody defined.
SELECT
    _pointer,
    cohort_definition_id,
    cohort_definition_name,
    cohort_definition_description,
    definition_type_concept_id,
    cohort_definition_syntax,
    subject_concept_id,
    cdm_day(cohort_initiation_date) AS cohort_initiation_date
FROM cohort_definition
