-- One row: a span of time in which a source says that a person is observed, in order of the id; its type is that of
-- the first of the periods that went into it.
SELECT
    e.era_id AS observation_period_id,
    any_value(e.person_id) AS person_id,
    any_value(e.era_start) AS observation_period_start_date,
    any_value(e.era_end) AS observation_period_end_date,
    arg_min(p.type_concept_id, p.n) AS period_type_concept_id
FROM era AS e
INNER JOIN member AS m ON e.person_id = m.person_id AND e.era_start = m.era_start
INNER JOIN period_row AS p ON m.from_row_id = p.n
GROUP BY e.era_id
ORDER BY e.era_id
