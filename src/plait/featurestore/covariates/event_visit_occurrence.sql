-- One row: a visit. As long as its end is not known it ends on the day of its start.
SELECT
    CAST(visit_occurrence_id AS BIGINT) AS event_id,
    CAST(person_id AS BIGINT) AS person_id,
    CAST(visit_concept_id AS BIGINT) AS concept_id,
    CAST(visit_start_date AS DATE) AS start_date,
    visit_start_datetime AS start_time,
    CAST(visit_end_date AS DATE) AS end_date,
    visit_end_datetime AS end_time,
    CAST(visit_start_date AS DATE) AS open_end,
    CAST(visit_start_date AS DATE) AS open_end_told,
    CAST(care_site_id AS BIGINT) AS care_site_id
FROM cdm.visit_occurrence
