-- One row: an identifier and its person; in the place of one that is forgotten stands its tombstone, and keeps the number.
SELECT
    CASE WHEN e.hash IS NULL THEN k.system ELSE forgotten_system END AS system,
    coalesce(e.hash, k.identifier) AS identifier,
    k.person_id
FROM crosswalk_before AS k
LEFT JOIN erased_identifier AS e ON k.system = e.system AND k.identifier = e.identifier
ORDER BY ALL
