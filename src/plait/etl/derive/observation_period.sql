-- One row: the span from a person's first visit to the end of the last; of a person without visits, of the facts.
WITH span AS (
    SELECT
        person_id,
        min(start) AS start,
        max(greatest(coalesce("end", start), start)) AS "end",
        1 AS trust
    FROM visit_row
    GROUP BY person_id
    UNION ALL
    SELECT
        person_id,
        min(start),
        max(greatest(coalesce("end", start), start)),
        2
    FROM mapped_event
    GROUP BY person_id
),

best AS (
    SELECT
        person_id,
        arg_min(start, trust) AS start,
        arg_min("end", trust) AS "end"
    FROM span
    GROUP BY person_id
)

SELECT
    b.person_id * 4194304 AS observation_period_id,
    b.person_id,
    CAST(b.start AS DATE) AS observation_period_start_date,
    CAST(b."end" AS DATE) AS observation_period_end_date,
    coalesce(t.concept_id, 0) AS period_type_concept_id
FROM best AS b
LEFT JOIN named_concept AS t ON t.kind = 'period_type' AND t.code = 'derived'
ORDER BY b.person_id
