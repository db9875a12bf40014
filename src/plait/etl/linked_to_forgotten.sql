-- One row: the tombstone of an identifier that a link gives to somebody who was forgotten, and to nobody else.
WITH forgotten_label AS (
    SELECT DISTINCT person
    FROM any_link
    WHERE plait_tombstone(link_system, identifier) IN (SELECT t.hash FROM tombstone AS t)
)

SELECT plait_tombstone(link_system, identifier) AS hash
FROM any_link
WHERE link_system IS NOT NULL AND identifier IS NOT NULL
GROUP BY link_system, identifier
HAVING count(*) FILTER (person NOT IN (SELECT f.person FROM forgotten_label AS f)) = 0
ORDER BY hash
