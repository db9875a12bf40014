-- One row: a source, and the domains that it says it captures.
SELECT
    source,
    string_agg(DISTINCT domain_id, ', ' ORDER BY domain_id) AS domains
FROM plait.coverage
GROUP BY source
ORDER BY source
