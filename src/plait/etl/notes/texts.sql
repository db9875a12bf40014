-- One row: a text of a lot that an extractor is to read, once, and its SHA-256.
SELECT
    sha256(n.body) AS text,
    any_value(n.body) AS body
FROM noted AS n
SEMI JOIN noted_person AS p ON n.person_id = p.person_id
WHERE
    n.person_id BETWEEN $first AND $last
    AND n.reject IS NULL
    AND n."ignore" IS NULL
    AND (n.language IS NULL OR list_contains($languages, lower(n.language[:2])))
    AND sha256(n.body) BETWEEN $low AND $high
GROUP BY sha256(n.body)
ORDER BY text
