-- One row: the first occurrence of a cancer, which mCODE's primary cancer condition declares (OMOP Oncology).
WITH told AS (
    SELECT
        *,
        coalesce(onsetDateTime, fhir_at(onsetPeriod, '$.start'), recordedDate) AS began
    FROM Condition
)

SELECT
    t._pointer,
    t._person AS person,
    t._key AS episode,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(coalesce(t.abatementDateTime, fhir_at(t.abatementPeriod, '$.end')), o.partial_dates) AS "end",
    fhir_known(t.recordedDate, t.began) AS known_time,
    'primary-cancer-condition' AS code,
    'FHIR_EPISODE' AS code_system,
    fhir_codings(t.code, 'condition')[1].code AS object,
    fhir_codings(t.code, 'condition')[1].system AS object_system,
    'ehr' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN NOT coalesce(contains(t.meta, 'mcode-primary-cancer-condition'), FALSE) THEN 'no_episode'
            WHEN fhir_at(t.verificationStatus, '$.coding[0].code') != 'confirmed' THEN 'not_confirmed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
