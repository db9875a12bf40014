-- One row: an episode of care, which encounters name.
SELECT
    e._pointer,
    e._person AS person,
    'EpisodeOfCare/' || e._key AS episode, -- ids are of one type each, and episodes are of three
    fhir_time(fhir_at(e.period, '$.start'), o.partial_dates) AS start,
    fhir_time(fhir_at(e.period, '$.end'), o.partial_dates) AS "end",
    fhir_last_day(fhir_at(e.period, '$.start')) AS known_time,
    coalesce(fhir_codings(fhir_at(e.type, '$[0]'), 'type')[1].code, 'episode-of-care') AS code,
    coalesce(fhir_codings(fhir_at(e.type, '$[0]'), 'type')[1].system, 'FHIR_EPISODE') AS code_system,
    fhir_codings(fhir_at(e.type, '$[0]'), 'type')[1].display AS display,
    'ehr' AS type,
    coalesce(e._rule, CASE WHEN e.status IN ('planned', 'waitlist', 'cancelled') THEN 'not_begun' END) AS _ignore
FROM EpisodeOfCare AS e
CROSS JOIN options AS o
