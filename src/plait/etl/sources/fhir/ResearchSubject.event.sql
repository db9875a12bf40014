-- One row: that a patient takes part in a study.
SELECT
    r._pointer,
    r._person AS person,
    fhir_time(fhir_at(r.period, '$.start'), o.partial_dates) AS start,
    fhir_time(fhir_at(r.period, '$.end'), o.partial_dates) AS "end",
    fhir_last_day(fhir_at(r.period, '$.start')) AS known_time,
    'research-subject' AS code,
    'FHIR_RESOURCE' AS code_system,
    'Observation' AS domain,
    coalesce(fhir_at(r.study, '$.display'), fhir_key(r.study, '$', r._key)) AS value_text,
    'ehr' AS type,
    coalesce(
        r._rule, CASE WHEN r.status IN ('candidate', 'eligible', 'ineligible', 'not-registered', 'potential-candidate', 'screening') THEN 'not_enrolled' END
    ) AS _ignore
FROM ResearchSubject AS r
CROSS JOIN options AS o
