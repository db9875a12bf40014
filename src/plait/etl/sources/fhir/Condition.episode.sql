-- One row: the first occurrence of a cancer, or its metastasis, which mCODE's primary and secondary cancer conditions declare
-- (OMOP Oncology).
WITH told AS (
    SELECT
        *,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate, _visit_start) AS began,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate) IS NULL AS is_dated_by_visit,
        nullif(regexp_extract(meta, 'mcode-(primary|secondary)-cancer-condition', 1), '') AS cancer,
        list_filter(TRY(json_extract(extension, '$[*]')), LAMBDA e: contains(json_extract_string(e, '$.url'), 'condition-related'))[1] AS related
    FROM Condition
)

SELECT
    t._pointer,
    t._person AS person,
    t._key AS episode,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(coalesce(t.abatementDateTime, fhir_at(t.abatementPeriod, '$.end')), o.partial_dates) AS "end",
    fhir_known(CASE WHEN t.is_dated_by_visit THEN t._visit_end ELSE t.recordedDate END, t.began) AS known_time,
    t.cancer || '-cancer-condition' AS code,
    'FHIR_EPISODE' AS code_system,
    fhir_codings(t.code, 'condition')[1].code AS object,
    fhir_codings(t.code, 'condition')[1].system AS object_system,
    CASE WHEN t.cancer = 'secondary' THEN fhir_key(t.related, '$.valueReference', t._key) END AS parent,
    'ehr' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN t.cancer IS NULL THEN 'no_episode'
            WHEN fhir_verified(t.verificationStatus) != 'confirmed' THEN 'not_confirmed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
