-- One row: an order that was called off. That it was is known when the record was last written, else at the end of its encounter: when it
-- was ordered nobody knew.
WITH told AS (
    SELECT
        *,
        CASE WHEN status = 'revoked' THEN fhir_codings(code, 'procedure') END AS codings
    FROM ServiceRequest
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    fhir_time(coalesce(t.occurrenceDateTime, fhir_at(t.occurrencePeriod, '$.start'), t.authoredOn), o.partial_dates) AS start,
    coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Procedure' AS domain,
    'NOT_PERFORMED' AS reason,
    coalesce(
        t._rule,
        CASE
            WHEN t.doNotPerform = 'true' THEN 'not_to_be_done'
            WHEN t.intent IN ('proposal', 'plan', 'option') OR t.status IN ('draft', 'unknown') THEN 'not_ordered'
            WHEN t.status IS DISTINCT FROM 'revoked' THEN 'ordered'
            WHEN coalesce(t.occurrenceDateTime, fhir_at(t.occurrencePeriod, '$.start'), t.authoredOn) IS NULL THEN 'unknown_time'
            WHEN coalesce(fhir_at(t.meta, '$.lastUpdated'), t._visit_end) IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
