-- One row: a prescription that was called off before anything was given, and why. That it was is known when the record was last
-- written, else at the end of its encounter: when it was ordered nobody knew.
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
        CASE WHEN m.status = 'cancelled' THEN fhir_codings(coalesce(m.medicationCodeableConcept, d.code), 'drug') END AS codings
    FROM MedicationRequest AS m
    LEFT JOIN drug AS d ON m._medication = d._key
),

reason AS (
    SELECT map(list(concat(code_system, '|', code)), list(reason)) AS reasons
    FROM absence_reasons
    WHERE reason != ''
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    fhir_time(t.authoredOn, o.partial_dates) AS start,
    coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    coalesce(fhir_reason_of(t.statusReason, r.reasons), 'NOT_PERFORMED') AS reason,
    coalesce(
        t._rule,
        CASE
            WHEN t.doNotPerform = 'true' THEN 'not_to_be_done'
            WHEN t.intent IN ('proposal', 'plan', 'option') OR t.status IN ('draft', 'unknown') THEN 'not_ordered'
            WHEN t.status IS DISTINCT FROM 'cancelled' THEN 'done'
            WHEN t.authoredOn IS NULL OR coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
CROSS JOIN reason AS r
