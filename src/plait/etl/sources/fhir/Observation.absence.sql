-- One row: an observation without a value (part 0), or a component of one, and why: as its reason says, because it was called off,
-- or because its specimen cannot be used. What has a value is of the shape `event`; times are as there.
WITH report AS (
    SELECT
        fhir_key(one, '$', home) AS observation,
        min(at_time) AS at_time,
        min(known) AS known
    FROM (
        SELECT
            _key AS home,
            unnest(TRY(json_extract(result, '$[*]'))) AS one,
            coalesce(effectiveDateTime, fhir_at(effectivePeriod, '$.start'), issued) AS at_time,
            issued AS known
        FROM DiagnosticReport
        WHERE _rule IS NULL
    )
    GROUP BY ALL
),

spoilt AS (
    SELECT DISTINCT _key
    FROM Specimen
    WHERE status IN ('unavailable', 'unsatisfactory') AND _rule IS NULL
),

reason AS (
    SELECT map(list(concat(code_system, '|', code)), list(reason)) AS reasons
    FROM absence_reasons
    WHERE reason != ''
),

held AS (
    SELECT
        *,
        coalesce(
            valueQuantity, valueCodeableConcept, valueString, valueInteger, valueBoolean, valueDateTime, valueTime, valuePeriod, valueRange, valueRatio,
            interpretation
        ) IS NOT NULL AS has_value,
        status = 'cancelled' AS is_cancelled
    FROM Observation
),

judged AS (
    SELECT
        *,
        coalesce(
            _rule,
            CASE
                WHEN status IN ('registered', 'preliminary', 'unknown') THEN replace(status, 'unknown', 'unknown_status')
                WHEN fhir_at(code, '$.coding[0].code') = '69548-6' THEN 'variant'
                WHEN is_cancelled OR contains(component, 'dataAbsentReason') THEN NULL
                WHEN has_value THEN 'value_is_there'
                WHEN dataAbsentReason IS NOT NULL THEN NULL
                WHEN contains(component, '"value') THEN 'value_is_there'
                ELSE 'no_value'
            END
        ) AS rule
    FROM held
),

part AS (
    SELECT
        _pointer,
        0 AS part,
        is_cancelled,
        _specimen,
        code,
        has_value,
        dataAbsentReason AS absent
    FROM judged
    WHERE rule IS NULL
    UNION ALL
    SELECT
        _pointer,
        number,
        is_cancelled,
        _specimen,
        fhir_at(one, '$.code'),
        len(list_filter(json_keys(one), LAMBDA k: starts_with(k, 'value') OR k = 'interpretation')) > 0,
        fhir_at(one, '$.dataAbsentReason')
    FROM (
        SELECT
            _pointer,
            is_cancelled,
            _specimen,
            unnest(TRY(json_extract(component, '$[*]'))) AS one,
            generate_subscripts(TRY(json_extract(component, '$[*]')), 1) AS number
        FROM judged
        WHERE rule IS NULL
    )
),

reasoned AS (
    SELECT
        p._pointer,
        p.part,
        fhir_codings(p.code, 'finding') AS codings,
        p.has_value,
        p.is_cancelled,
        fhir_reason_rule(p.absent) AS absent,
        coalesce(fhir_reason_of(p.absent, r.reasons), CASE WHEN p.is_cancelled THEN 'NOT_PERFORMED' END) AS said,
        s._key IS NOT NULL AS is_spoilt
    FROM part AS p
    CROSS JOIN reason AS r
    LEFT JOIN spoilt AS s ON p._specimen = s._key
),

kept AS (
    SELECT
        *,
        CASE WHEN is_spoilt AND coalesce(said IN ('NOT_PERFORMED', 'UNPARSED'), TRUE) THEN 'NO_MATERIAL' ELSE said END AS reason
    FROM reasoned
    WHERE (is_cancelled OR NOT has_value) AND (absent IS NOT NULL OR said IS NOT NULL) AND (part = 0 OR codings IS NOT NULL)
),

timed AS (
    SELECT
        j.*,
        coalesce(j.effectiveDateTime, fhir_at(j.effectivePeriod, '$.start'), j.effectiveInstant, j.issued, r.at_time, j._visit_start) AS began,
        coalesce(
            j.issued, r.known, CASE WHEN j.is_cancelled THEN fhir_at(j.meta, '$.lastUpdated') END,
            CASE WHEN coalesce(j.effectiveDateTime, fhir_at(j.effectivePeriod, '$.start'), j.effectiveInstant, r.at_time) IS NULL THEN j._visit_end END
        ) AS known
    FROM judged AS j
    LEFT JOIN report AS r ON j._key = r.observation
),

summed AS (
    SELECT
        _pointer.record AS record,
        min(absent) AS absent,
        count(reason) AS reasons
    FROM kept
    GROUP BY ALL
)

SELECT
    t._pointer,
    coalesce(k.part, 0) AS _part,
    t._person AS person,
    t._visit AS visit,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_known(t.known, t.began) AS known_time,
    k.codings[1].code AS code,
    k.codings[1].system AS code_system,
    k.codings[2].code AS alternative,
    k.codings[2].system AS alternative_system,
    k.codings[3].code AS alternative_2,
    k.codings[3].system AS alternative_2_system,
    k.codings[1].display AS display,
    CASE
        WHEN k.part IS NULL THEN NULL
        WHEN len(list_intersect(json_extract_string(t.category, '$[*].coding[*].code'), ['laboratory', 'vital-signs'])) > 0 THEN 'Measurement'
        WHEN
            len(
                list_intersect(
                    json_extract_string(t.category, '$[*].coding[*].code'),
                    ['social-history', 'imaging', 'survey', 'exam', 'therapy', 'activity', 'procedure']
                )
            ) > 0 THEN 'Observation'
        ELSE 'Measurement'
    END AS domain,
    k.reason,
    coalesce(
        t.rule,
        CASE
            WHEN coalesce(s.reasons, 0) = 0 THEN coalesce(s.absent, 'value_is_there')
            WHEN t.began IS NULL THEN 'unknown_time'
        END
    ) AS _ignore
FROM timed AS t
CROSS JOIN options AS o
LEFT JOIN summed AS s ON t._pointer.record = s.record
LEFT JOIN kept AS k ON t._pointer.record = k._pointer.record AND k.reason IS NOT NULL
