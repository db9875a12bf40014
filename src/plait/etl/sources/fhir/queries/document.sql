-- One row: a resource with the attachment that holds its text: the first plain text, else the first text of any kind, else the
-- first. `content` are its bytes, inline or of the Binary that it names; `attachment_text` is what they say as UTF-8.
WITH listed AS (
    SELECT
        n,
        coalesce(json_extract(body, '$.content[*].attachment'), []) || coalesce(json_extract(body, '$.presentedForm[*]'), []) AS attachments
    FROM read_parquet($file)
    WHERE fault IS NULL
),

chosen AS (
    SELECT
        n,
        coalesce(
            list_filter(attachments, LAMBDA a: regexp_matches(lower(json_extract_string(a, '$.contentType')), '^text/plain'))[1],
            list_filter(attachments, LAMBDA a: regexp_matches(lower(coalesce(json_extract_string(a, '$.contentType'), 'text/plain')), '^text/'))[1],
            attachments[1]
        ) AS attachment
    FROM listed
),

told AS (
    SELECT
        n,
        json_extract_string(attachment, '$.url') AS url,
        lower(json_extract_string(attachment, '$.contentType')) AS content_type,
        json_extract_string(attachment, '$.data') AS data
    FROM chosen
),

held AS (
    SELECT
        t.n,
        CASE WHEN t.data IS NULL AND b.key IS NULL THEN t.url END AS url,
        coalesce(t.content_type, lower(json_extract_string(b.body, '$.contentType'))) AS content_type,
        coalesce(t.data, json_extract_string(b.body, '$.data')) AS data
    FROM told AS t
    LEFT JOIN binary_resource AS b ON CASE WHEN t.data IS NULL AND regexp_matches(t.url, '(^|/)Binary/|^urn:uuid:') THEN fhir_last(t.url) END = b.key
),

decoded AS (
    SELECT
        *,
        nullif(regexp_extract(content_type, 'charset\s*=\s*"?([^;"\s]+)', 1), '') AS charset,
        TRY(from_base64(regexp_replace(data, '\s', '', 'g'))) AS content
    FROM held
)

SELECT
    n,
    url,
    charset,
    CASE WHEN coalesce(charset, 'utf-8') IN ('utf-8', 'utf8', 'us-ascii', 'ascii') THEN TRY(decode(content)) END AS attachment_text,
    CASE WHEN coalesce(charset, 'utf-8') NOT IN ('utf-8', 'utf8', 'us-ascii', 'ascii') OR TRY(decode(content)) IS NULL THEN content END AS content,
    CASE
        WHEN content_type IS NOT NULL AND NOT starts_with(content_type, 'text/') THEN 'not_text'
        WHEN data IS NULL AND url IS NULL THEN 'no_text'
    END AS text_rule,
    CASE WHEN data IS NOT NULL AND content IS NULL THEN 'invalid_base64' END AS text_fault
FROM decoded
