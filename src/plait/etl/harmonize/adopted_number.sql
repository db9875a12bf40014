-- Ids of the adopted rows of a table: those of a person in the order of the ids that they had, behind the rows of other sources.
INSERT INTO adopted_id
WITH before AS (
    SELECT
        person_id,
        count(*) AS rows
    FROM written_before
    GROUP BY person_id
)

SELECT
    s.origin,
    s.source,
    s.system,
    s.person_id,
    s.own_id,
    s.file_id,
    s.record,
    s.part,
    s.fan,
    $table,
    s.person_id * 4194304
    + coalesce(b.rows, 0)
    + row_number() OVER (PARTITION BY s.person_id ORDER BY s.system, s.origin != $table, s.origin, s.own_id, s.fan, s.digest, s.part)
    - 1
FROM to_number AS s
LEFT JOIN before AS b ON s.person_id = b.person_id;
