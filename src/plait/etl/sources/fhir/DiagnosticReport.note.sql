-- One row: a report that has words: the text that it attaches, else its conclusion. Its results are records of their own.
SELECT
    r._pointer,
    r._person AS person,
    'DiagnosticReport/' || r._key AS note, -- ids are of one type each, and notes are of two
    fhir_time(coalesce(r.effectiveDateTime, fhir_at(r.effectivePeriod, '$.start'), r.issued), o.partial_dates) AS start,
    fhir_known(r.issued, coalesce(r.effectiveDateTime, fhir_at(r.effectivePeriod, '$.start'))) AS known_time,
    r._visit AS visit,
    r._provider AS provider,
    fhir_codings(r.code, 'finding')[1].code AS document_type,
    fhir_codings(r.code, 'finding')[1].system AS document_type_system,
    fhir_codings(r.code, 'finding')[1].display AS title,
    coalesce(nullif(r._text, ''), r.conclusion) AS body,
    'UTF-8' AS encoding,
    nullif(split_part(r.language, '-', 1), '') AS language,
    'ehr_note' AS type,
    coalesce(
        r._rule,
        CASE
            WHEN r.status IN ('registered', 'partial', 'preliminary', 'cancelled', 'unknown') THEN 'not_final'
            WHEN r.conclusion IS NULL AND r._text IS NULL AND r._text_fault IS NULL THEN coalesce(r._text_rule, 'no_text')
        END
    ) AS _ignore,
    CASE WHEN r.conclusion IS NULL THEN r._text_fault END AS _reject
FROM DiagnosticReport AS r
CROSS JOIN options AS o
