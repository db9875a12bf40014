-- One row: a measurement in a unit, how many values it has, the deciles of these, and how many values lie up to each of them.
WITH valued AS (
    SELECT
        measurement_concept_id,
        coalesce(unit_concept_id, 0) AS unit_concept_id,
        value_as_number
    FROM cdm.measurement
    WHERE value_as_number IS NOT NULL AND measurement_concept_id <> 0
),

cut AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        quantile_disc(value_as_number, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) AS deciles
    FROM valued
    GROUP BY ALL
)

SELECT
    v.measurement_concept_id,
    v.unit_concept_id,
    count(*) AS value_count,
    any_value(c.deciles) AS deciles,
    CAST(
        [
            count_if(v.value_as_number <= c.deciles[1]), count_if(v.value_as_number <= c.deciles[2]), count_if(v.value_as_number <= c.deciles[3]),
            count_if(v.value_as_number <= c.deciles[4]), count_if(v.value_as_number <= c.deciles[5]), count_if(v.value_as_number <= c.deciles[6]),
            count_if(v.value_as_number <= c.deciles[7]), count_if(v.value_as_number <= c.deciles[8]), count_if(v.value_as_number <= c.deciles[9]), count(*)
        ] AS BIGINT []
    ) AS up_to
FROM valued AS v
INNER JOIN cut AS c ON v.measurement_concept_id = c.measurement_concept_id AND v.unit_concept_id = c.unit_concept_id
GROUP BY v.measurement_concept_id, v.unit_concept_id
ORDER BY v.measurement_concept_id, v.unit_concept_id
