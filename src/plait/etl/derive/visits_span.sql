-- One row: a visit of a person; of a person without visits, a fact.
SELECT
    v.person_id,
    0 AS series,
    v.visit_start_date AS start,
    greatest(coalesce(v.visit_end_date, v.visit_start_date), v.visit_start_date) AS "end",
    'visit_occurrence' AS from_table,
    v.visit_occurrence_id AS from_row_id
FROM visit_occurrence AS v
UNION ALL
SELECT
    f.person_id,
    0,
    f.start,
    greatest(coalesce(f."end", f.start), f.start),
    f.from_table,
    f.from_row_id
FROM fact_date AS f
ANTI JOIN visit_occurrence AS v ON f.person_id = v.person_id
