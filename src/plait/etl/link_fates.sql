-- One row: a link, the person whom it was followed to, or the reason why it was not.
SELECT
    l.label,
    l.system,
    l.identifier,
    p.person_id,
    CASE WHEN l.is_contested THEN 'contested_identifier' WHEN p.person_id IS NULL THEN 'unknown_person' END AS reason
FROM link AS l
LEFT JOIN (SELECT label, person_id FROM label_person WHERE person_id IN (SELECT k.person_id FROM present AS k)) AS p ON l.label = p.label
ORDER BY ALL
