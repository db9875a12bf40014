-- One row: an allergy (part 0), or what a reaction to it showed. A drug is the value of "allergy to drug": it was not taken.
WITH told AS (
    SELECT
        *,
        fhir_codings(code, 'drug') AS drugs,
        fhir_codings(code, 'condition') AS codings,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate) AS began,
        fhir_verified(verificationStatus) AS verified
    FROM AllergyIntolerance
),

shown AS (
    SELECT
        *,
        drugs[1].system = 'http://www.nlm.nih.gov/research/umls/rxnorm' AS is_drug
    FROM told
),

part AS (
    SELECT
        *,
        0 AS part,
        codings[1] AS coding,
        codings[2] AS other,
        CAST(NULL AS VARCHAR) AS severity
    FROM shown
    UNION ALL
    SELECT
        * EXCLUDE (reaction_number, one, number, manifestation),
        reaction_number * 100 + number,
        fhir_codings(manifestation, 'condition')[1],
        fhir_codings(manifestation, 'condition')[2],
        fhir_at(one, '$.severity')
    FROM (
        SELECT
            *,
            unnest(TRY(json_extract(one, '$.manifestation[*]'))) AS manifestation,
            generate_subscripts(TRY(json_extract(one, '$.manifestation[*]')), 1) AS number
        FROM (
            SELECT
                *,
                unnest(TRY(json_extract(reaction, '$[*]'))) AS one,
                generate_subscripts(TRY(json_extract(reaction, '$[*]')), 1) AS reaction_number
            FROM shown
        )
    )
    WHERE _rule IS NULL AND fhir_codings(manifestation, 'condition') IS NOT NULL
)

SELECT
    p._pointer,
    p.part AS _part,
    p._person AS person,
    p._visit AS visit,
    p._provider AS provider,
    fhir_time(p.began, o.partial_dates) AS start,
    fhir_known(p.recordedDate, p.began) AS known_time,
    CASE WHEN p.part = 0 AND p.is_drug THEN '416098002' ELSE p.coding.code END AS code,
    CASE WHEN p.part = 0 AND p.is_drug THEN 'http://snomed.info/sct' ELSE p.coding.system END AS code_system,
    CASE WHEN NOT (p.part = 0 AND p.is_drug) THEN p.other.code END AS alternative,
    CASE WHEN NOT (p.part = 0 AND p.is_drug) THEN p.other.system END AS alternative_system,
    CASE WHEN p.part = 0 AND p.is_drug THEN p.drugs[1].code ELSE p.coding.code END AS source_value,
    CASE WHEN p.part = 0 AND p.is_drug THEN 'Allergy to drug' ELSE p.coding.display END AS display,
    'Observation' AS domain,
    'Observation' AS fixed_domain,
    p.severity AS value_text,
    CASE WHEN p.part = 0 AND p.is_drug THEN p.drugs[1].code END AS value_code,
    p.drugs[1].system AS value_system,
    'ehr_encounter_record' AS type,
    coalesce(p._rule, CASE WHEN p.verified IN ('refuted', 'unconfirmed') THEN p.verified END) AS _ignore
FROM part AS p
CROSS JOIN options AS o
