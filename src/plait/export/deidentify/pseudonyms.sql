-- One row: a person with a new id and the days by which the person's dates are shifted, both from the export's secret alone.
-- The number that a keyed SHA-256 gives decides; of equal numbers, which nobody will see, the lower id comes first.
WITH keyed AS (
    SELECT
        person_id,
        sha256($secret || '/person/' || person_id) AS place,
        md5_number(sha256($secret || '/shift/' || person_id)) AS chance
    FROM chosen_person
)

SELECT
    person_id,
    CAST(row_number() OVER (ORDER BY place, person_id) AS BIGINT) AS new_id,
    CAST(-CAST($unit AS BIGINT) * (1 + abs(chance % CAST($most AS BIGINT))) AS INTEGER) AS shift_days
FROM keyed
