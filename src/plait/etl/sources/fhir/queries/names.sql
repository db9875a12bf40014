-- One row: a further name by which references may point to a resource of the block: the URL of its entry where that is not
-- its id, and its identifiers; of a PractitionerRole, `key` is the name of its practitioner, and of a patient who was
-- `replaced` that of the other one.
-- `type`, `own_key` and `updated` tell which version of which resource says so.
WITH target AS (
    SELECT
        t.target,
        r.type,
        r.key AS own_key,
        CASE WHEN r.home IS NULL THEN fhir_instant(json_extract_string(r.body, '$.meta.lastUpdated')) END AS updated,
        CASE WHEN r.type = 'PractitionerRole' THEN fhir_role(r.key) ELSE r.key END AS key,
        r.url_key,
        r.home,
        r.body
    FROM resource AS r
    INNER JOIN type_target AS t ON r.type = t.name
),

name AS (
    SELECT
        *,
        url_key AS alias,
        key AS leads_to,
        CAST(NULL AS VARCHAR) AS system,
        CAST(NULL AS VARCHAR) AS value
    FROM target
    WHERE url_key != key
    UNION ALL BY NAME
    SELECT
        t.*,
        concat('?', json_extract_string(i.identifier, '$.system'), '|', json_extract_string(i.identifier, '$.value')) AS alias,
        t.key AS leads_to,
        json_extract_string(i.identifier, '$.system') AS system,
        json_extract_string(i.identifier, '$.value') AS value
    FROM (SELECT *, json_extract(body, '$.identifier[*]') AS identifiers FROM target) AS t,
        LATERAL (SELECT unnest(t.identifiers) AS identifier) AS i
    WHERE json_extract_string(i.identifier, '$.value') IS NOT NULL
    UNION ALL BY NAME
    SELECT
        *,
        key AS alias,
        fhir_key(body, '$.practitioner', own_key) AS leads_to
    FROM target
    WHERE type = 'PractitionerRole' AND fhir_key(body, '$.practitioner', own_key) IS NOT NULL
    UNION ALL BY NAME
    SELECT
        *,
        own_key AS alias,
        key AS leads_to
    FROM target
    WHERE type = 'PractitionerRole' AND home IS NOT NULL
    UNION ALL BY NAME
    SELECT
        *,
        key AS alias,
        key AS leads_to
    FROM target
    WHERE type = 'Patient'
    UNION ALL BY NAME
    SELECT
        * REPLACE ('replaced' AS target),
        key AS alias,
        fhir_key(link, '$.other', key) AS leads_to
    FROM (
        SELECT
            *,
            list_filter(TRY(json_extract(body, '$.link[*]')), LAMBDA l: json_extract_string(l, '$.type') = 'replaced-by')[1] AS link
        FROM target
        WHERE type = 'Patient'
    )
    WHERE link IS NOT NULL
)

SELECT
    target,
    alias,
    leads_to AS key,
    system,
    value,
    type,
    own_key,
    updated
FROM name;
