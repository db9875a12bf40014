-- One row: that something of a person was not done or has no value, and why.
SELECT
    absence_id,
    person_id,
    concept_id,
    domain_id,
    start AS absence_datetime,
    "end" AS absence_end_datetime,
    known_time,
    reason,
    visit_occurrence_id,
    code_system,
    code AS source_value,
    source_concept_id
FROM absence_row
