-- One row: an allergy, or one of its reactions. A substance (a drug by RxNorm, or a food) is the value of
-- "allergy to drug" or "allergy to substance": it was never taken. Older versions name no code system.
WITH coded AS (
    SELECT
        *,
        CASE WHEN SYSTEM = 'RxNorm' OR (coalesce(SYSTEM, 'Unknown') = 'Unknown' AND CATEGORY = 'medication') THEN 'RxNorm' ELSE 'SNOMED-CT' END AS named_system
    FROM allergies
),

parts AS (
    SELECT *, 0 AS part, NULL AS reaction, NULL AS reaction_words, NULL AS severity FROM coded
    UNION ALL
    SELECT *, 1, REACTION1, DESCRIPTION1, SEVERITY1 FROM coded WHERE REACTION1 IS NOT NULL
    UNION ALL
    SELECT *, 2, REACTION2, DESCRIPTION2, SEVERITY2 FROM coded WHERE REACTION2 IS NOT NULL
)

SELECT
    _pointer,
    part AS _part,
    PATIENT AS person,
    ENCOUNTER AS visit,
    START AS start,
    STOP AS "end",
    CASE WHEN part > 0 THEN reaction WHEN named_system = 'RxNorm' THEN '416098002' ELSE CODE END AS code,
    'SNOMED-CT' AS code_system,
    coalesce(reaction, CODE) AS source_value,
    coalesce(reaction_words, CASE WHEN named_system = 'RxNorm' THEN 'Allergy to drug' ELSE DESCRIPTION END) AS display,
    'Observation' AS domain,
    'Observation' AS fixed_domain,
    severity AS value_text,
    CASE WHEN part = 0 AND named_system = 'RxNorm' THEN CODE END AS value_code,
    'RxNorm' AS value_system,
    'ehr_encounter_record' AS type
FROM parts
