-- One row: an encounter that began.
SELECT
    e._pointer,
    e._person AS person,
    e._key AS visit,
    fhir_time(fhir_at(e.period, '$.start'), o.partial_dates) AS start,
    fhir_time(fhir_at(e.period, '$.end'), o.partial_dates) AS "end",
    fhir_last_day(fhir_at(e.period, '$.start')) AS known_time,
    fhir_codings(e.class, 'visit')[1].code AS code,
    fhir_codings(e.class, 'visit')[1].system AS code_system,
    fhir_codings(fhir_at(e.type, '$[0]'), 'visit')[1].code AS kind,
    fhir_codings(fhir_at(e.type, '$[0]'), 'visit')[1].system AS kind_system,
    fhir_codings(fhir_at(e.type, '$[0]'), 'visit')[1].display AS display,
    'ehr_encounter_record' AS type,
    e._provider AS provider,
    e._care_site AS care_site,
    fhir_codings(fhir_at(e.hospitalization, '$.admitSource'), 'visit')[1].code AS admitted_from,
    fhir_codings(fhir_at(e.hospitalization, '$.admitSource'), 'visit')[1].system AS admitted_from_system,
    fhir_codings(fhir_at(e.hospitalization, '$.dischargeDisposition'), 'visit')[1].code AS discharged_to,
    fhir_codings(fhir_at(e.hospitalization, '$.dischargeDisposition'), 'visit')[1].system AS discharged_to_system,
    'EpisodeOfCare/' || e._episode AS episode,
    coalesce(
        e._rule,
        CASE WHEN e.status = 'cancelled' THEN 'cancelled' WHEN e.status IN ('planned', 'unknown') THEN 'not_begun' END
    ) AS _ignore
FROM Encounter AS e
CROSS JOIN options AS o
