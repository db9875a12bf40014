-- One row: the death of a person.
SELECT
    d.person_id,
    CAST(d.start AS DATE) AS death_date,
    d.start AS death_datetime,
    coalesce(t.concept_id, 0) AS death_type_concept_id,
    CASE WHEN c.cause IS NOT NULL THEN coalesce(m.concept_id, 0) END AS cause_concept_id,
    c.cause AS cause_source_value,
    CASE WHEN c.cause IS NOT NULL THEN coalesce(m.source_concept_id, 0) END AS cause_source_concept_id
FROM death_row AS d
LEFT JOIN type_concept AS t ON d.type = t.name
LEFT JOIN (
    SELECT
        person_id,
        arg_min(source, place) AS source,
        arg_min(cause, place) AS cause,
        arg_min(cause_system, place) AS cause_system
    FROM death_row
    WHERE cause IS NOT NULL AND before_birth IS NOT TRUE
    GROUP BY person_id
) AS c ON d.person_id = c.person_id
LEFT JOIN code_concept AS m ON c.source = m.source AND c.cause_system = m.code_system AND c.cause = m.code
WHERE d.place = 1 AND d.before_birth IS NOT TRUE AND d.death_date IS NULL
ORDER BY d.person_id
