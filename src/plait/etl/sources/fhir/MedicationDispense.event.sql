-- One row: a drug that a pharmacy handed over, or prepared.
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
    FROM MedicationDispense AS m
    LEFT JOIN drug AS d ON m._medication = d._key
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(coalesce(t.whenHandedOver, t.whenPrepared), o.partial_dates) AS start,
    fhir_last_day(coalesce(t.whenHandedOver, t.whenPrepared)) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    fhir_at(t.quantity, '$.value') AS quantity,
    CASE WHEN coalesce(fhir_at(t.daysSupply, '$.code'), 'd') = 'd' THEN fhir_at(t.daysSupply, '$.value') END AS days_supply,
    fhir_codings(fhir_at(t.dosageInstruction, '$[0].route'), 'route')[1].code AS route,
    fhir_codings(fhir_at(t.dosageInstruction, '$[0].route'), 'route')[1].system AS route_system,
    fhir_at(t.dosageInstruction, '$[0].text') AS sig,
    'ehr_dispensing' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.status IN ('cancelled', 'declined', 'stopped') THEN 'not_done'
            WHEN t.status IN ('preparation', 'in-progress', 'on-hold', 'unknown') THEN 'not_completed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
