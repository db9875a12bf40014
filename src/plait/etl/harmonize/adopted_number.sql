-- numbered, one row: an adopted row of a table with its id: those of a person in the order of the ids that they had, behind the rows of other
-- sources.
CREATE OR REPLACE TEMP TABLE numbered AS
WITH before AS (
    SELECT
        person_id,
        count(*) AS rows
    FROM written_before
    GROUP BY person_id
)

SELECT
    s.*,
    s.person_id * 4194304
    + coalesce(b.rows, 0)
    + row_number() OVER (PARTITION BY s.person_id ORDER BY s.system, s.origin != $table, s.origin, s.own_id, s.fan, s.digest, s.part)
    - 1 AS row_id
FROM to_number AS s
LEFT JOIN before AS b ON s.person_id = b.person_id;
