-- One row: how many records of a person, in a file and a shape, were loaded, merged or rejected, and the rows
-- written from them. A record without lineage and without a reject has no fate, and the books will not balance.
WITH staged AS (
    SELECT
        person_id,
        source,
        file,
        shape,
        digest,
        count(*) FILTER (is_first) AS records
    FROM all_staged
    GROUP BY person_id, source, file, shape, digest
),

role AS (
    SELECT
        source,
        file,
        shape,
        digest,
        min(role) AS role,
        count(*) FILTER (role = 'loaded') AS written
    FROM lineage
    WHERE role IN ('loaded', 'merged')
    GROUP BY source, file, shape, digest
),

rejected AS (
    SELECT
        source,
        file,
        shape,
        digest,
        count(*) AS records
    FROM late_reject
    GROUP BY source, file, shape, digest
)

SELECT
    s.person_id,
    s.source,
    s.file,
    s.shape,
    count(*) FILTER (r.role = 'loaded' AND s.records > 0) AS loaded,
    coalesce(sum(s.records - CASE WHEN r.role = 'loaded' AND s.records > 0 THEN 1 ELSE 0 END) FILTER (r.role IS NOT NULL), 0) AS merged,
    coalesce(sum(x.records), 0) AS rejected,
    coalesce(sum(r.written), 0) AS written
FROM staged AS s
LEFT JOIN role AS r ON s.source = r.source AND s.file = r.file AND s.shape = r.shape AND s.digest = r.digest
LEFT JOIN rejected AS x ON s.source = x.source AND s.file = x.file AND s.shape = x.shape AND s.digest = x.digest
GROUP BY s.person_id, s.source, s.file, s.shape
ORDER BY ALL
