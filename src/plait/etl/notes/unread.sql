-- One row: a lot of texts of a shard that an extractor has not read yet: the first and the last SHA-256 of the lot.
WITH text AS (
    SELECT DISTINCT
        n.person_id // $size AS shard,
        sha256(n.body) AS text,
        length(n.body) AS characters
    FROM noted AS n
    SEMI JOIN noted_person AS p ON n.person_id = p.person_id
    WHERE n.reject IS NULL AND n."ignore" IS NULL AND (n.language IS NULL OR list_contains($languages, lower(n.language[:2])))
),

lot AS (
    SELECT
        t.shard,
        t.text,
        sum(t.characters) OVER (PARTITION BY t.shard ORDER BY t.text) // $characters AS lot
    FROM text AS t
    ANTI JOIN known_text AS k ON t.shard = k.shard AND t.text = k.text
)

SELECT
    shard,
    min(text) AS low,
    max(text) AS high
FROM lot
GROUP BY shard, lot
ORDER BY shard, lot
