-- One row: a further name by which references may point to a resource of the block: the URL of its entry where that is not
-- its id, and its identifiers; of a PractitionerRole, `key` is the name of its practitioner, and of a patient who was
-- `replaced` that of the other one.
WITH target AS (
    SELECT
        t.target,
        r.*
    FROM resource AS r
    INNER JOIN type_target AS t ON r.type = t.name
),

name AS (
    SELECT
        target,
        url_key AS alias,
        key,
        CAST(NULL AS VARCHAR) AS system,
        CAST(NULL AS VARCHAR) AS value
    FROM target
    WHERE url_key != key
    UNION ALL
    SELECT
        t.target,
        concat('?', json_extract_string(i.identifier, '$.system'), '|', json_extract_string(i.identifier, '$.value')),
        t.key,
        json_extract_string(i.identifier, '$.system'),
        json_extract_string(i.identifier, '$.value')
    FROM (SELECT *, json_extract(body, '$.identifier[*]') AS identifiers FROM target) AS t,
        LATERAL (SELECT unnest(t.identifiers) AS identifier) AS i
    WHERE json_extract_string(i.identifier, '$.value') IS NOT NULL
    UNION ALL
    SELECT
        'provider',
        key,
        fhir_key(body, '$.practitioner', key),
        NULL,
        NULL
    FROM resource
    WHERE type = 'PractitionerRole' AND fhir_key(body, '$.practitioner', key) IS NOT NULL
    UNION ALL
    SELECT
        'person',
        key AS alias,
        key,
        NULL,
        NULL
    FROM resource
    WHERE type = 'Patient'
    UNION ALL
    SELECT
        'replaced',
        key AS alias,
        fhir_key(body, '$.link[0].other', key),
        NULL,
        NULL
    FROM resource
    WHERE type = 'Patient' AND json_extract_string(body, '$.link[0].type') = 'replaced-by'
)

SELECT
    target,
    alias,
    key,
    system,
    value
FROM name;
