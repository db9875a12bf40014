-- link, one row: an identifier that somebody has by the study's links, and whether several persons claim it, or did before one was forgotten.
CREATE OR REPLACE TABLE link AS
SELECT
    person AS label,
    link_system AS system,
    identifier,
    count(*) OVER (PARTITION BY link_system, identifier) > 1
    OR (
        (SELECT count(*) FROM claim_tombstone) > 0
        AND plait_tombstone('link', link_system || chr(31) || identifier) IN (SELECT c.hash FROM claim_tombstone AS c)
    ) AS is_contested
FROM (
    SELECT DISTINCT
        person,
        link_system,
        identifier
    FROM staged_link
    WHERE reject IS NULL AND "ignore" IS NULL
);

-- label_person, one row: somebody whom links tell of, and the lowest of the ids that the identifiers have of their own.
CREATE OR REPLACE TABLE label_person AS
SELECT
    n.label,
    min(k.person_id) AS person_id
FROM link AS n
INNER JOIN crosswalk AS k ON n.system = k.system AND n.identifier = k.identifier
WHERE NOT n.is_contested
GROUP BY n.label;

-- crosswalk, one row: an identifier and whose it is, links followed.
CREATE OR REPLACE TABLE crosswalk AS
SELECT
    coalesce(k.system, n.system) AS system,
    coalesce(k.identifier, n.identifier) AS identifier,
    coalesce(n.person_id, k.person_id) AS person_id
FROM crosswalk AS k
FULL JOIN (
    SELECT
        l.system,
        l.identifier,
        p.person_id
    FROM link AS l
    INNER JOIN label_person AS p ON l.label = p.label
    WHERE NOT l.is_contested
) AS n ON k.system = n.system AND k.identifier = n.identifier;
