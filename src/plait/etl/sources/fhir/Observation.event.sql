-- One row: what an observation found (part 0), and each of its components. Without a value it is a panel, whose results are
-- its components or records of their own. One without a time has that of the report that names it, or of its encounter. A
-- genomic variant is of the shape `variant`; what is a number of it (a frequency of its allele) is measured.
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

timed AS (
    SELECT
        s.* EXCLUDE (issued),
        coalesce(
            s.issued, r.known,
            CASE WHEN coalesce(s.effectiveDateTime, fhir_at(s.effectivePeriod, '$.start'), s.effectiveInstant, r.at_time) IS NULL THEN s._visit_end END
        ) AS issued,
        coalesce(s.effectiveDateTime, fhir_at(s.effectivePeriod, '$.start'), s.effectiveInstant, s.issued, r.at_time, s._visit_start) AS began,
        json_extract_string(s.category, '$[*].coding[*].code') AS categories,
        fhir_at(s.code, '$.coding[0].code') = '69548-6' AS is_variant
    FROM Observation AS s
    LEFT JOIN report AS r ON s._key = r.observation
),

part AS (
    SELECT
        _pointer,
        0 AS part,
        code,
        valueQuantity,
        valueCodeableConcept,
        coalesce(valueString, valueInteger, valueBoolean, valueDateTime, valueTime, fhir_at(valuePeriod, '$.start')) AS plain,
        valueRange,
        valueRatio,
        dataAbsentReason,
        interpretation,
        referenceRange,
        coalesce(valueString, valueInteger) AS figure
    FROM timed
    UNION ALL
    SELECT
        _pointer,
        number,
        fhir_at(one, '$.code'),
        fhir_at(one, '$.valueQuantity'),
        fhir_at(one, '$.valueCodeableConcept'),
        coalesce(
            fhir_at(one, '$.valueString'), fhir_at(one, '$.valueInteger'), fhir_at(one, '$.valueBoolean'), fhir_at(one, '$.valueDateTime'),
            fhir_at(one, '$.valueTime'), fhir_at(one, '$.valuePeriod.start')
        ),
        fhir_at(one, '$.valueRange'),
        fhir_at(one, '$.valueRatio'),
        fhir_at(one, '$.dataAbsentReason'),
        fhir_at(one, '$.interpretation'),
        fhir_at(one, '$.referenceRange'),
        coalesce(fhir_at(one, '$.valueString'), fhir_at(one, '$.valueInteger'))
    FROM (
        SELECT
            _pointer,
            unnest(TRY(json_extract(component, '$[*]'))) AS one,
            generate_subscripts(TRY(json_extract(component, '$[*]')), 1) AS number
        FROM timed
        WHERE _rule IS NULL
    )
),

valued AS (
    SELECT
        p._pointer,
        p.part,
        fhir_codings(p.code, 'finding') AS codings,
        fhir_codings(p.valueCodeableConcept, 'value')[1] AS coded,
        fhir_codings(fhir_at(p.interpretation, '$[0]'), 'value')[1] AS interpreted,
        p.plain,
        p.figure,
        coalesce(
            fhir_at(p.valueQuantity, '$.value'),
            CASE
                WHEN p.ratio.is_titre THEN p.ratio.below
                ELSE CAST(TRY_CAST(p.ratio.above AS DOUBLE) / nullif(TRY_CAST(p.ratio.below AS DOUBLE), 0) AS VARCHAR)
            END
        ) AS number,
        coalesce(fhir_unit(p.valueQuantity), CASE WHEN p.ratio.is_titre THEN '{titer}' ELSE p.ratio.unit END) AS unit,
        coalesce(fhir_at(p.valueQuantity, '$.comparator'), CASE WHEN p.ratio.is_titre THEN p.ratio.comparator END) AS comparator,
        CASE WHEN p.valueQuantity IS NULL THEN p.ratio.said END AS said,
        fhir_at(p.referenceRange, '$[0].low.value') AS range_low,
        fhir_at(p.referenceRange, '$[0].high.value') AS range_high,
        concat_ws(' - ', fhir_at(p.valueRange, '$.low.value'), fhir_at(p.valueRange, '$.high.value')) AS span,
        fhir_reason_rule(p.dataAbsentReason) AS absent,
        coalesce(p.valueQuantity, p.valueCodeableConcept, p.plain, p.valueRange, p.valueRatio, p.interpretation) IS NULL AS is_empty
    FROM (SELECT *, fhir_ratio(valueRatio) AS ratio FROM part) AS p
),

counted AS (
    SELECT
        *,
        count(*) FILTER (is_component) OVER (PARTITION BY _pointer.record) AS components
    FROM (
        SELECT
            v.*,
            coalesce(t.is_variant, FALSE) AS is_variant,
            v.part > 0 AND NOT v.is_empty AND v.codings IS NOT NULL AND (NOT coalesce(t.is_variant, FALSE) OR v.number IS NOT NULL) AS is_component
        FROM valued AS v
        INNER JOIN timed AS t ON v._pointer.record = t._pointer.record
    )
)

SELECT
    t._pointer,
    v.part AS _part,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_known(t.issued, t.began) AS known_time,
    v.codings[1].code AS code,
    v.codings[1].system AS code_system,
    v.codings[2].code AS alternative,
    v.codings[2].system AS alternative_system,
    v.codings[3].code AS alternative_2,
    v.codings[3].system AS alternative_2_system,
    v.codings[1].display AS display,
    CASE
        WHEN len(list_intersect(t.categories, ['laboratory', 'vital-signs'])) > 0 THEN 'Measurement'
        WHEN len(list_intersect(t.categories, ['social-history', 'imaging', 'survey', 'exam', 'therapy', 'activity', 'procedure'])) > 0 THEN 'Observation'
        ELSE 'Measurement'
    END AS domain,
    coalesce(v.said, CAST(v.number AS VARCHAR), v.coded.display, v.coded.code, v.plain, nullif(v.span, '')) AS value_text,
    coalesce(CAST(v.number AS VARCHAR), CASE WHEN TRY_CAST(v.figure AS DOUBLE) IS NOT NULL THEN v.figure END) AS value_number,
    coalesce(v.coded.code, v.interpreted.code) AS value_code,
    CASE WHEN v.coded.code IS NOT NULL THEN v.coded.system ELSE v.interpreted.system END AS value_system,
    v.unit,
    v.range_low,
    v.range_high,
    v.comparator AS operator,
    CASE WHEN contains(t.meta, '/mcode-') THEN fhir_key(t.focus, '$[0]', t._key) END AS modifies,
    'ehr_encounter_record' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.status IN ('registered', 'preliminary', 'cancelled', 'unknown') THEN replace(t.status, 'unknown', 'unknown_status')
            WHEN v.is_variant AND v.part = 0 THEN 'variant'
            WHEN v.is_empty AND v.absent IS NOT NULL THEN v.absent
            WHEN v.is_empty THEN 'no_value'
        END
    ) AS _ignore
FROM counted AS v
INNER JOIN timed AS t ON v._pointer.record = t._pointer.record
CROSS JOIN options AS o
WHERE
    v.is_component
    OR (v.part = 0 AND (v.components = 0 OR (NOT v.is_empty AND NOT v.is_variant) OR t._rule IS NOT NULL))
