-- One row: a person with a new id and the days by which the person's dates are shifted, both from the export's secret alone.
-- The number that a keyed SHA-256 gives decides; of equal numbers, which nobody will see, the lower id comes first. Numbers of persons are dense and
-- never given again: by a key that is kept, each has its place, lot by lot, whether anybody leaves under it or not.
WITH placed AS (
    SELECT
        person_id,
        0 AS lot
    FROM chosen_person
    WHERE len(CAST($numbered AS BIGINT[])) = 0
    UNION ALL
    SELECT
        n.range AS person_id,
        len(list_filter(CAST($numbered AS BIGINT[]), highest -> highest < n.range)) AS lot
    FROM range(1, coalesce(list_max(CAST($numbered AS BIGINT[])), 0) + 1) AS n
),

numbered AS (
    SELECT
        person_id,
        row_number() OVER (ORDER BY lot, sha256(getvariable('export_secret') || '/person/' || person_id), person_id) AS new_id
    FROM placed
)

SELECT
    c.person_id,
    CAST(n.new_id AS BIGINT) AS new_id,
    CAST(
        -CAST($unit AS BIGINT)
        * (1 + abs(md5_number(sha256(getvariable('export_secret') || '/shift/' || c.person_id)) % CAST($most AS BIGINT))) AS INTEGER
    ) AS shift_days
FROM chosen_person AS c
INNER JOIN numbered AS n ON c.person_id = n.person_id
