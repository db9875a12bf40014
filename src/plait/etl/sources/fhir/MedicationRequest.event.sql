-- One row: a prescription that was given out as an order; by OMOP's convention it is an exposure of type prescription
-- (docs/fhir.md says why not as HL7's guide has it).
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
    FROM MedicationRequest AS m
    LEFT JOIN drug AS d ON m._medication = d._key
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(t.authoredOn, o.partial_dates) AS start,
    fhir_time(fhir_at(t.dispenseRequest, '$.validityPeriod.end'), o.partial_dates) AS "end",
    fhir_last_day(t.authoredOn) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    fhir_at(t.dispenseRequest, '$.quantity.value') AS quantity,
    CASE
        WHEN fhir_at(t.dispenseRequest, '$.expectedSupplyDuration.code') = 'd' THEN fhir_at(t.dispenseRequest, '$.expectedSupplyDuration.value')
    END AS days_supply,
    fhir_at(t.dispenseRequest, '$.numberOfRepeatsAllowed') AS refills,
    fhir_codings(fhir_at(t.dosageInstruction, '$[0].route'), 'route')[1].code AS route,
    fhir_codings(fhir_at(t.dosageInstruction, '$[0].route'), 'route')[1].system AS route_system,
    fhir_at(t.dosageInstruction, '$[0].text') AS sig,
    fhir_codings(t.statusReason, 'reason')[1].display AS stop_reason,
    'ehr_prescription' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.doNotPerform = 'true' THEN 'not_to_be_done'
            WHEN t.intent IN ('proposal', 'plan', 'option') THEN 'not_ordered'
            WHEN t.status = 'cancelled' THEN 'cancelled'
            WHEN t.status IN ('draft', 'unknown') THEN 'not_ordered'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
