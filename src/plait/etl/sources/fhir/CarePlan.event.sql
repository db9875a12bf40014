-- One row: a plan of care, by the category that says what it is for.
WITH told AS (
    SELECT
        *,
        list_filter(
            list_transform(TRY(json_extract(category, '$[*]')), LAMBDA c: fhir_codings(c, 'condition')[1]), LAMBDA c: c.code != 'assess-plan'
        )[1] AS coding
    FROM CarePlan
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(coalesce(fhir_at(t.period, '$.start'), t.created), o.partial_dates) AS start,
    fhir_time(fhir_at(t.period, '$.end'), o.partial_dates) AS "end",
    fhir_known(t.created, fhir_at(t.period, '$.start')) AS known_time,
    coalesce(t.coding.code, t.title) AS code,
    CASE WHEN t.coding.code IS NULL THEN 'FHIR_TEXT' ELSE t.coding.system END AS code_system,
    coalesce(t.coding.display, t.title) AS display,
    'Observation' AS domain,
    'ehr_encounter_record' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.intent IN ('proposal', 'option') THEN 'not_ordered'
            WHEN t.status IN ('draft', 'revoked', 'unknown') THEN 'not_begun'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
