-- One row: a document with its text. One that a later one superseded was what there was to read until then.
SELECT
    d._pointer,
    d._person AS person,
    d._key AS note,
    fhir_time(coalesce(d.date, fhir_at(d.content, '$[0].attachment.creation'), fhir_at(d.context, '$.period.start')), o.partial_dates) AS start,
    fhir_last_day(d.date) AS known_time,
    d._visit AS visit,
    d._provider AS provider,
    fhir_codings(d.type, 'finding')[1].code AS document_type,
    fhir_codings(d.type, 'finding')[1].system AS document_type_system,
    coalesce(d.description, fhir_at(d.content, '$[0].attachment.title')) AS title,
    nullif(d._text, '') AS body,
    'UTF-8' AS encoding,
    nullif(split_part(coalesce(fhir_at(d.content, '$[0].attachment.language'), d.language), '-', 1), '') AS language,
    'ehr_note' AS type,
    coalesce(d._rule, d._text_rule) AS _ignore,
    d._text_fault AS _reject
FROM DocumentReference AS d
CROSS JOIN options AS o
