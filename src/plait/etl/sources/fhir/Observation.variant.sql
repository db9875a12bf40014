-- One row: a genomic variant (LOINC 69548-6) in the components of HL7's Genomics Reporting guide; one that was found to be
-- absent is none.
WITH report AS (
    SELECT
        fhir_key(one, '$', home) AS observation,
        min(at_time) AS at_time,
        min(known) AS known,
        min(specimen_key) AS specimen_key
    FROM (
        SELECT
            _key AS home,
            unnest(TRY(json_extract(result, '$[*]'))) AS one,
            coalesce(effectiveDateTime, fhir_at(effectivePeriod, '$.start'), issued) AS at_time,
            issued AS known,
            fhir_key(specimen, '$[0]', _key) AS specimen_key
        FROM DiagnosticReport
        WHERE _rule IS NULL
    )
    GROUP BY ALL
),

found AS (
    SELECT
        s.*,
        coalesce(s.effectiveDateTime, fhir_at(s.effectivePeriod, '$.start'), s.effectiveInstant, s.issued, r.at_time) AS began,
        coalesce(s.issued, r.known) AS known,
        coalesce(s._specimen, r.specimen_key) AS specimen_key,
        fhir_at(s.code, '$.coding[0].code') = '69548-6' AS is_variant,
        map_from_entries(
            list_transform(
                list_distinct(TRY(json_extract_string(s.component, '$[*].code.coding[0].code'))),
                LAMBDA c: {'k': c, 'v': list_filter(json_extract(s.component, '$[*]'), LAMBDA one: json_extract_string(one, '$.code.coding[0].code') = c)[1]}
            )
        ) AS parts
    FROM Observation AS s
    LEFT JOIN report AS r ON s._key = r.observation
),

told AS (
    SELECT
        *,
        coalesce(fhir_said(parts['48018-6']), fhir_code_of(parts['48018-6'])) AS gene,
        fhir_code_of(parts['48004-6']) AS hgvs_c,
        fhir_code_of(parts['48005-3']) AS hgvs_p,
        fhir_code_of(parts['51958-7']) AS transcript,
        fhir_said(parts['48000-4']) AS chromosome,
        fhir_said(parts['62374-4']) AS build,
        fhir_said(parts['48002-0']) AS origin,
        fhir_said(parts['48019-4']) AS change,
        fhir_said(parts['48006-1']) AS consequence,
        fhir_code_of(parts['81290-9']) AS hgvs_g
    FROM found
)

SELECT
    t._pointer,
    t._person AS person,
    t.specimen_key AS specimen,
    concat(o.source, '.variants') AS assay,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_known(t.known, t.began) AS known_time,
    t.gene,
    t.gene || ':' || coalesce(nullif(regexp_extract(t.hgvs_p, '(p[.].*)$', 1), ''), nullif(regexp_extract(t.hgvs_c, '(c[.].*)$', 1), '')) AS code,
    'HGVS' AS code_system,
    plait_genome_build(nullif(regexp_extract(t.build, '^([A-Za-z0-9]+)', 1), '')) AS genome_build,
    coalesce(
        nullif(regexp_extract(t.chromosome, '([0-9]{1,2}|[XYM]T?)$', 1), ''), nullif(regexp_extract(t.hgvs_g, '^(?:chr)?([0-9]{1,2}|X|Y|M|MT):g[.]', 1), '')
    ) AS chromosome,
    coalesce(
        json_extract_string(t.parts['81254-5'], '$.valueRange.low.value'), json_extract_string(t.parts['81254-5'], '$.valueQuantity.value'),
        nullif(regexp_extract(t.hgvs_g, 'g[.]([0-9]+)', 1), '')
    ) AS position,
    coalesce(
        json_extract_string(t.parts['81254-5'], '$.valueRange.high.value'), nullif(regexp_extract(t.hgvs_g, 'g[.][0-9]+_([0-9]+)', 1), '')
    ) AS end_position,
    coalesce(json_extract_string(t.parts['69547-8'], '$.valueString'), nullif(regexp_extract(t.hgvs_g, '([ACGT]+)>[ACGT]+$', 1), '')) AS reference,
    coalesce(json_extract_string(t.parts['69551-0'], '$.valueString'), nullif(regexp_extract(t.hgvs_g, '[ACGT]+>([ACGT]+)$', 1), '')) AS alternate,
    t.hgvs_c,
    t.hgvs_p,
    t.transcript,
    t.consequence AS variant_class,
    t.change AS variant_type,
    lower(t.origin) AS mutation_status,
    'ehr_encounter_record' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN NOT coalesce(t.is_variant, FALSE) THEN 'no_variant'
            WHEN t.status IN ('registered', 'preliminary', 'cancelled', 'unknown') THEN replace(t.status, 'unknown', 'unknown_status')
            WHEN fhir_at(t.valueCodeableConcept, '$.coding[0].code') IN ('LA9634-2', 'LA18198-4') THEN 'variant_absent'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
