-- One row: an imaging study, which is a procedure; its accession number joins it to the images that DICOM sources bring.
WITH told AS (
    SELECT
        *,
        coalesce(
            fhir_codings(fhir_at(procedureCode, '$[0]'), 'procedure')[1],
            fhir_codings(coalesce(fhir_at(modality, '$[0]'), fhir_at(series, '$[0].modality')), 'modality')[1]
        ) AS coding
    FROM ImagingStudy
)

SELECT
    t._pointer,
    t._person AS person,
    t._visit AS visit,
    t._provider AS provider,
    fhir_time(coalesce(t.started, fhir_at(t.series, '$[0].started')), o.partial_dates) AS start,
    fhir_last_day(t.started) AS known_time,
    t.coding.code AS code,
    t.coding.system AS code_system,
    coalesce(t.coding.display, t.description) AS display,
    'Procedure' AS domain,
    'Procedure' AS fixed_domain,
    fhir_at(t.series, '$[0].bodySite.code') AS modifier,
    fhir_at(t.series, '$[0].bodySite.system') AS modifier_system,
    fhir_identifier_of_type(t.identifier, 'ACSN') AS accession,
    'ehr_encounter_record' AS type,
    coalesce(t._rule, CASE WHEN t.status IN ('registered', 'cancelled') THEN t.status END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
