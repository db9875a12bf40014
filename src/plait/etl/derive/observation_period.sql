-- One row: a span of time in which a person is observed, in order of the id; its type tells the rule.
SELECT
    e.era_id AS observation_period_id,
    e.person_id,
    e.era_start AS observation_period_start_date,
    e.era_end AS observation_period_end_date,
    r.concept_id AS period_type_concept_id
FROM era AS e
CROSS JOIN period_type AS r
ORDER BY e.era_id
