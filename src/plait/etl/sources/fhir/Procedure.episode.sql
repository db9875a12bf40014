-- One row: a course of radiotherapy, as mCODE's summary of it declares (OMOP Oncology: a treatment regimen).
WITH told AS (
    SELECT
        *,
        fhir_codings(code, 'procedure') AS codings,
        coalesce(performedDateTime, fhir_at(performedPeriod, '$.start'), _visit_start) AS began,
        coalesce(performedDateTime, fhir_at(performedPeriod, '$.start')) IS NULL AS is_dated_by_visit
    FROM Procedure
)

SELECT
    t._pointer,
    t._person AS person,
    'Procedure/' || t._key AS episode, -- ids are of one type each, and episodes are of three
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(fhir_at(t.performedPeriod, '$.end'), o.partial_dates) AS "end",
    fhir_known(CASE WHEN t.is_dated_by_visit THEN t._visit_end ELSE fhir_at(t.performedPeriod, '$.end') END, t.began) AS known_time,
    'radiotherapy-course' AS code,
    'FHIR_EPISODE' AS code_system,
    t.codings[1].code AS object,
    t.codings[1].system AS object_system,
    fhir_key(t.reasonReference, '$[0]', t._key) AS parent,
    'ehr' AS type,
    coalesce(
        t._rule,
        CASE
            WHEN NOT coalesce(contains(t.meta, 'mcode-radiotherapy-course-summary'), FALSE) THEN 'no_episode'
            WHEN t.status NOT IN ('completed', 'in-progress', 'stopped') THEN 'not_completed'
        END
    ) AS _ignore
FROM told AS t
CROSS JOIN options AS o
