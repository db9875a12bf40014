-- One row: a vaccine given; a drug given by a clinician lasts one day unless told otherwise (OMOP, DAYS_SUPPLY).
WITH told AS (
    SELECT
        *,
        fhir_codings(vaccineCode, 'vaccine') AS codings
    FROM Immunization
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(t.occurrenceDateTime, o.partial_dates) AS start,
    fhir_time(t.occurrenceDateTime, o.partial_dates) AS "end",
    fhir_known(t.recorded, t.occurrenceDateTime) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    fhir_at(t.doseQuantity, '$.value') AS quantity,
    1 AS days_supply,
    fhir_codings(t.route, 'route')[1].code AS route,
    fhir_codings(t.route, 'route')[1].system AS route_system,
    'ehr_encounter_record' AS type,
    coalesce(t._rule, CASE WHEN t.status = 'not-done' THEN 'not_done' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
