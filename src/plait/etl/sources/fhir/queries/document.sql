-- document, one row: a resource of the block that holds a text, or attaches one: the first plain text, else the first text of any
-- kind, else the first. `content` are its bytes where `text` does not say them, which is so where they are no UTF-8.
CREATE OR REPLACE TEMP TABLE document AS
WITH listed AS (
    SELECT
        n,
        CASE
            WHEN type = 'Binary' THEN [body]
            ELSE coalesce(json_extract(body, '$.content[*].attachment'), []) || coalesce(json_extract(body, '$.presentedForm[*]'), [])
        END AS attachments
    FROM resource
    WHERE type IN ('DocumentReference', 'DiagnosticReport', 'Binary')
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

decoded AS (
    SELECT
        n,
        CASE WHEN data IS NULL THEN url END AS url,
        content_type IS NULL OR starts_with(content_type, 'text/') AS is_text,
        nullif(regexp_extract(content_type, 'charset\s*=\s*"?([^;"\s]+)', 1), '') AS charset,
        data IS NOT NULL AS is_inline,
        CASE
            WHEN content_type IS NULL OR starts_with(content_type, 'text/') THEN TRY(from_base64(regexp_replace(data, '\s', '', 'g')))
        END AS content
    FROM told
),

said AS (
    SELECT
        *,
        CASE WHEN coalesce(charset, 'utf-8') IN ('utf-8', 'utf8', 'us-ascii', 'ascii') THEN TRY(decode(content)) END AS text
    FROM decoded
)

SELECT
    n,
    url,
    charset,
    text,
    CASE WHEN text IS NULL THEN content END AS content,
    CASE
        WHEN NOT is_text THEN 'not_text'
        WHEN NOT is_inline AND url IS NULL THEN 'no_text'
    END AS rule,
    CASE WHEN is_text AND is_inline AND content IS NULL THEN 'invalid_base64' END AS text_fault
FROM said;
