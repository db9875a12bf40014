-- One row: a person with rows of a source that has no calendar: their times count from the anchor, which stands at a made-up date.
SELECT DISTINCT
    s.person_id,
    s.source,
    r.anchor,
    r.anchor_date
FROM all_staged AS s
INNER JOIN source_rule AS r ON s.source = r.source
WHERE r.anchor IS NOT NULL
ORDER BY s.person_id, s.source
