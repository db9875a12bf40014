-- One row: a procedure that was done.
WITH told AS (
    SELECT
        *,
        fhir_codings(code, 'procedure') AS codings,
        coalesce(performedDateTime, fhir_at(performedPeriod, '$.start'), _visit_start) AS began,
        coalesce(performedDateTime, fhir_at(performedPeriod, '$.start')) IS NULL AS is_dated_by_visit,
        fhir_at(performedPeriod, '$.end') AS ended
    FROM Procedure
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(t.ended, o.partial_dates) AS "end",
    fhir_known(CASE WHEN t.is_dated_by_visit THEN t._visit_end END, t.began) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Procedure' AS domain,
    CASE WHEN contains(t.meta, 'mcode-radiotherapy-course-summary') THEN 'Procedure/' || t._key END AS episode,
    'ehr_encounter_record' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.status = 'not-done' THEN 'not_done'
            WHEN t.status IN ('preparation', 'in-progress', 'on-hold', 'stopped', 'unknown') THEN 'not_completed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
