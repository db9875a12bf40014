-- One row: a goal that was set.
WITH told AS (
    SELECT
        *,
        fhir_codings(description, 'condition') AS codings,
        coalesce(startDate, statusDate) AS began
    FROM Goal
)

SELECT
    t._pointer,
    t._person AS person,
    t._provider AS provider,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_known(t.statusDate, t.began) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[1].display AS display,
    'Observation' AS domain,
    'Observation' AS fixed_domain,
    coalesce(fhir_codings(t.achievementStatus, 'value')[1].code, t.lifecycleStatus) AS value_text,
    'ehr_encounter_record' AS type,
    coalesce(t._rule, CASE WHEN t.lifecycleStatus IN ('proposed', 'planned', 'cancelled', 'rejected', 'entered-in-error') THEN 'not_accepted' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
