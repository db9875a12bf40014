-- numbered, one row: an adopted row of a table with its id: those of a person in the order of the ids that they had, behind the rows of other
-- sources. What decides the order is sorted alone; rows are wide.
CREATE OR REPLACE TEMP TABLE numbered AS
WITH before AS (
    SELECT
        person_id,
        count(*) AS rows
    FROM written_before
    GROUP BY person_id
),

place AS (
    SELECT
        file_id,
        record,
        part,
        fan,
        row_number() OVER (PARTITION BY person_id ORDER BY system, origin != $table, origin, own_id, fan, digest, part) - 1 AS ordinal
    FROM to_number
)

SELECT
    s.*,
    s.person_id * 4194304 + coalesce(b.rows, 0) + p.ordinal AS row_id
FROM to_number AS s
INNER JOIN place AS p ON s.file_id = p.file_id AND s.record = p.record AND s.part = p.part AND s.fan = p.fan
LEFT JOIN before AS b ON s.person_id = b.person_id;
