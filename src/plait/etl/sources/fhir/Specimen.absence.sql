-- One row: a specimen that is not there, or cannot be used.
WITH report AS (
    SELECT
        fhir_key(one, '$', home) AS specimen,
        min(at_time) AS at_time
    FROM (
        SELECT
            _key AS home,
            unnest(TRY(json_extract(specimen, '$[*]'))) AS one,
            coalesce(effectiveDateTime, fhir_at(effectivePeriod, '$.start')) AS at_time
        FROM DiagnosticReport
        WHERE _rule IS NULL
    )
    GROUP BY ALL
),

told AS (
    SELECT
        s.*,
        coalesce(s.status IN ('unavailable', 'unsatisfactory'), FALSE) AS is_absent,
        coalesce(fhir_at(s.collection, '$.collectedDateTime'), fhir_at(s.collection, '$.collectedPeriod.start'), s.receivedTime, r.at_time) AS taken
    FROM Specimen AS s
    LEFT JOIN report AS r ON s._key = r.specimen
),

coded AS (
    SELECT
        *,
        CASE WHEN is_absent THEN fhir_codings(type, 'condition') END AS codings
    FROM told
)

SELECT
    t._pointer,
    t._person AS person,
    fhir_time(t.taken, o.partial_dates) AS start,
    fhir_known(coalesce(t.receivedTime, fhir_at(t.meta, '$.lastUpdated')), t.taken) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[3].code AS alternative_2,
    t.codings[3].system AS alternative_2_system,
    t.codings[1].display AS display,
    'Specimen' AS domain,
    'NO_MATERIAL' AS reason,
    coalesce(t._rule, CASE WHEN NOT t.is_absent THEN 'is_there' WHEN t.taken IS NULL THEN 'unknown_time' END) AS _ignore
FROM coded AS t
CROSS JOIN options AS o
