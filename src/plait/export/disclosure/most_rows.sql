-- One row: how many rows the persons with most of them have together, as many persons as are one fewer than the smallest cell.
WITH per_person AS (
    SELECT count(*) AS n
    FROM owned
    WHERE person_id IS NOT NULL
    GROUP BY person_id
    ORDER BY n DESC
    LIMIT $others
)

SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS most
FROM per_person
