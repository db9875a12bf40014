-- One row: a condition. One that is only suspected, or was ruled out, is an observation with that as its qualifier (FHIR to
-- OMOP IG, "Status and Intent Elements"); a cancer joins the episode of its disease.
WITH told AS (
    SELECT
        *,
        fhir_codings(code, 'condition') AS codings,
        fhir_verified(verificationStatus) AS verified,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate, _visit_start) AS began,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate) IS NULL AS is_dated_by_visit,
        coalesce(abatementDateTime, fhir_at(abatementPeriod, '$.end')) AS ended,
        regexp_matches(meta, 'mcode-(primary|secondary)-cancer-condition') AS is_cancer
    FROM Condition
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(t.ended, o.partial_dates) AS "end",
    fhir_known(CASE WHEN t.is_dated_by_visit THEN t._visit_end ELSE t.recordedDate END, t.began) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Condition' AS domain,
    CASE WHEN t.verified IN ('provisional', 'differential', 'refuted') THEN 'Observation' END AS fixed_domain,
    CASE WHEN t.verified IN ('provisional', 'differential', 'refuted') THEN t.verified END AS modifier,
    'FHIR_VERIFICATION' AS modifier_system,
    CASE WHEN t.is_cancer THEN t._key END AS episode,
    'ehr_encounter_record' AS type,
    coalesce(t._rule, CASE WHEN t.verified = 'unconfirmed' THEN 'unconfirmed' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
