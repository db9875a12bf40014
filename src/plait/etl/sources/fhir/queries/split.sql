-- resource, one row: a resource of a block of `line` (place, body, fault): a line or document itself, an entry of its Bundle,
-- or one that another contains; what is no resource keeps its place with a fault, or the rule by which it is left out.
CREATE OR REPLACE TEMP TABLE resource AS
WITH RECURSIVE document AS (
    SELECT
        n,
        place,
        CASE WHEN fault IS NULL AND json_valid(body) THEN body END AS body,
        CASE WHEN fault IS NOT NULL THEN fault WHEN body IS NOT NULL AND NOT json_valid(body) THEN 'invalid_json' END AS fault,
        CASE WHEN fault IS NOT NULL OR (body IS NOT NULL AND NOT json_valid(body)) THEN body END AS raw
    FROM line
    WHERE body IS NULL OR NOT regexp_full_match(body, '\s*')
),

part AS (
    SELECT
        n,
        [0] AS path,
        place,
        CAST(NULL AS VARCHAR) AS full_url,
        body,
        json_type(body) AS kind,
        json_extract_string(body, '$.resourceType') AS type,
        0 AS depth
    FROM document
    UNION ALL
    SELECT
        p.n,
        list_append(p.path, e.number),
        concat(p.place, '#', e.number),
        json_extract_string(e.entry, '$.fullUrl'),
        CASE WHEN p.kind = 'ARRAY' THEN e.entry ELSE json_extract(e.entry, '$.resource') END,
        json_type(CASE WHEN p.kind = 'ARRAY' THEN e.entry ELSE json_extract(e.entry, '$.resource') END),
        json_extract_string(CASE WHEN p.kind = 'ARRAY' THEN e.entry ELSE json_extract(e.entry, '$.resource') END, '$.resourceType'),
        p.depth + 1
    FROM (
        SELECT
            *,
            CASE WHEN kind = 'ARRAY' THEN json_extract(body, '$[*]') ELSE json_extract(body, '$.entry[*]') END AS entries
        FROM part
        WHERE (kind = 'ARRAY' OR type = 'Bundle') AND depth < 8
    ) AS p,
        LATERAL (SELECT unnest(p.entries) AS entry, generate_subscripts(p.entries, 1) AS number) AS e
),

named AS (
    SELECT
        p.n,
        p.path,
        0 AS inner_number,
        p.place,
        p.full_url,
        p.body,
        p.type,
        p.kind,
        json_extract_string(p.body, '$.id') AS id,
        CAST(NULL AS VARCHAR) AS home,
        CAST(NULL AS VARCHAR) AS home_subject,
        d.fault,
        d.raw
    FROM part AS p
    INNER JOIN document AS d ON p.n = d.n
    WHERE p.kind IS NULL OR (p.kind != 'ARRAY' AND coalesce(p.type, '') != 'Bundle') OR p.depth = 8
),

keyed AS (
    SELECT
        *,
        coalesce(id, fhir_last(full_url), md5(body)) AS key
    FROM named
),

contained AS (
    SELECT
        k.n,
        k.path,
        c.number AS inner_number,
        concat(k.place, '#', coalesce(json_extract_string(c.inner_body, '$.id'), CAST(c.number AS VARCHAR))) AS place,
        CAST(NULL AS VARCHAR) AS full_url,
        c.inner_body AS body,
        json_extract_string(c.inner_body, '$.resourceType') AS type,
        json_type(c.inner_body) AS kind,
        json_extract_string(c.inner_body, '$.id') AS id,
        k.key AS home,
        CAST(coalesce(json_extract(k.body, '$.subject'), json_extract(k.body, '$.patient')) AS VARCHAR) AS home_subject,
        CAST(NULL AS VARCHAR) AS fault,
        CAST(NULL AS VARCHAR) AS raw,
        concat(k.key, '#', coalesce(json_extract_string(c.inner_body, '$.id'), md5(c.inner_body))) AS key
    FROM (SELECT *, json_extract(body, '$.contained[*]') AS inner_bodies FROM keyed) AS k,
        LATERAL (SELECT unnest(k.inner_bodies) AS inner_body, generate_subscripts(k.inner_bodies, 1) AS number) AS c
)

SELECT
    row_number() OVER (ORDER BY r.n, r.path, r.inner_number) AS n,
    r.place,
    CASE
        WHEN r.fault IS NULL AND r.kind = 'OBJECT' AND r.type IN (SELECT t.name FROM type_read AS t) THEN r.type
        ELSE 'other'
    END AS type,
    r.key,
    r.home,
    r.home_subject,
    CASE WHEN fhir_named(r.full_url) = 'PractitionerRole' THEN fhir_role(fhir_last(r.full_url)) ELSE fhir_last(r.full_url) END AS url_key,
    coalesce(r.raw, CAST(r.body AS VARCHAR)) AS body,
    coalesce(r.fault, CASE WHEN r.body IS NOT NULL AND r.kind NOT IN ('OBJECT', 'NULL') THEN 'no_resource' END) AS fault,
    r.type AS declared_type
FROM (
    FROM keyed
    UNION ALL BY NAME
    FROM contained
) AS r
ORDER BY n;
