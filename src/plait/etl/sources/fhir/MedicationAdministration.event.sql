-- One row: a drug that was given.
WITH drug AS (
    SELECT
        _key,
        min(code) AS code
    FROM Medication
    WHERE _rule IS DISTINCT FROM 'superseded'
    GROUP BY _key
),

told AS (
    SELECT
        m.*,
        fhir_codings(coalesce(m.medicationCodeableConcept, d.code), 'drug') AS codings
    FROM MedicationAdministration AS m
    LEFT JOIN drug AS d ON m._medication = d._key
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(coalesce(t.effectiveDateTime, fhir_at(t.effectivePeriod, '$.start')), o.partial_dates) AS start,
    fhir_time(coalesce(fhir_at(t.effectivePeriod, '$.end'), t.effectiveDateTime), o.partial_dates) AS "end",
    fhir_last_day(coalesce(t.effectiveDateTime, fhir_at(t.effectivePeriod, '$.start'))) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    fhir_at(t.dosage, '$.dose.value') AS quantity,
    fhir_codings(fhir_at(t.dosage, '$.route'), 'route')[1].code AS route,
    fhir_codings(fhir_at(t.dosage, '$.route'), 'route')[1].system AS route_system,
    fhir_at(t.dosage, '$.text') AS sig,
    fhir_codings(fhir_at(t.statusReason, '$[0]'), 'reason')[1].display AS stop_reason,
    'ehr_administration' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.status = 'not-done' THEN 'not_done'
            WHEN t.status IN ('on-hold', 'unknown') THEN 'not_completed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
