-- One row: a drug that a pharmacy did not hand over, and why. That it was not is known when the record was last written, else at the end
-- of its encounter: when it was prepared nobody knew.
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
        CASE WHEN m.status IN ('cancelled', 'declined', 'stopped') THEN fhir_codings(coalesce(m.medicationCodeableConcept, d.code), 'drug') END AS codings
    FROM MedicationDispense AS m
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
    fhir_time(coalesce(t.whenHandedOver, t.whenPrepared, t._visit_start), o.partial_dates) AS start,
    coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Drug' AS domain,
    coalesce(fhir_reason_of(t.statusReasonCodeableConcept, r.reasons), 'NOT_PERFORMED') AS reason,
    coalesce(
        t._rule,
        CASE
            WHEN t.status IN ('preparation', 'in-progress', 'on-hold', 'unknown') THEN 'not_completed'
            WHEN t.status IS NULL OR t.status NOT IN ('cancelled', 'declined', 'stopped') THEN 'done'
            WHEN coalesce(t.whenHandedOver, t.whenPrepared, t._visit_start) IS NULL THEN 'unknown_time'
            WHEN coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
CROSS JOIN reason AS r
