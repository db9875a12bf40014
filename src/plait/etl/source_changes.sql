-- One row: a source, and how many persons came, changed and left.
SELECT
    coalesce(n.source, b.source) AS source,
    count(*) FILTER (b.person_id IS NULL) AS added,
    count(*) FILTER (n.person_id IS NOT NULL AND b.person_id IS NOT NULL AND n.digest != b.digest) AS changed,
    count(*) FILTER (n.person_id IS NULL) AS removed
FROM digest_now AS n
FULL JOIN digest_before AS b ON n.person_id = b.person_id AND n.source = b.source
GROUP BY coalesce(n.source, b.source)
ORDER BY source
