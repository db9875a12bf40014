-- One row: a visit of a person from start to end, or the day of a fact: what a fact is about may last for years in which
-- nobody observes the person.
SELECT
    person_id,
    0 AS series,
    visit_start_date AS start,
    greatest(coalesce(visit_end_date, visit_start_date), visit_start_date) AS "end",
    'visit_occurrence' AS from_table,
    visit_occurrence_id AS from_row_id
FROM visit_occurrence
UNION ALL
SELECT
    person_id,
    0 AS series,
    start,
    start AS "end",
    from_table,
    from_row_id
FROM fact_date
