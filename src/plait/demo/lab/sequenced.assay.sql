-- One row: a sample that was sequenced with a panel, whether a variant was found in it or not; known when it was reported.
SELECT
    q._pointer,
    s."case" AS person,
    q.sample AS specimen,
    q.sample AS item,
    concat(o.source, '.variants') AS assay,
    q.reported AS known_time,
    q.panel,
    'ehr' AS type
FROM sequenced AS q
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        sample,
        min("case") AS "case"
    FROM samples
    GROUP BY sample
) AS s ON q.sample = s.sample
