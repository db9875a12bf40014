-- One row: a practitioner, with the speciality and the organisation of the first role.
WITH role AS (
    SELECT
        _provider,
        min(fhir_codings(coalesce(fhir_at(specialty, '$[0]'), fhir_at(code, '$[0]')), 'specialty')[1]) AS specialty,
        min(_care_site) AS care_site
    FROM PractitionerRole
    WHERE _rule IS NULL
    GROUP BY _provider
)

SELECT
    p._pointer,
    p._key AS provider,
    coalesce(
        fhir_at(p.name, '$[0].text'),
        nullif(concat_ws(' ', fhir_at(p.name, '$[0].prefix[0]'), fhir_at(p.name, '$[0].given[0]'), fhir_at(p.name, '$[0].family')), '')
    ) AS provider_name,
    fhir_identifier(p.identifier, 'http://hl7.org/fhir/sid/us-npi') AS npi,
    coalesce(r.specialty.code, fhir_codings(fhir_at(p.qualification, '$[0].code'), 'specialty')[1].code) AS specialty,
    coalesce(r.specialty.system, fhir_codings(fhir_at(p.qualification, '$[0].code'), 'specialty')[1].system) AS specialty_system,
    r.care_site,
    p.gender,
    'FHIR_SEX' AS gender_system,
    p._rule AS _ignore
FROM Practitioner AS p
LEFT JOIN role AS r ON p._key = r._provider
