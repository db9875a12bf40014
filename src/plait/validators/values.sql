-- One row: a measurement in a unit whose values lie otherwise than in the version before, with both numbers of values and the population
-- stability index: the sum over the deciles of before of (new share - old share) * ln(new share / old share), a share of nothing as 1 in 10,000.
WITH counted AS (
    SELECT
        b.measurement_concept_id,
        b.unit_concept_id,
        any_value(b.value_count) AS before_count,
        any_value(b.up_to) AS before_up_to,
        count(*) AS value_count,
        [
            count_if(m.value_as_number <= b.deciles[1]), count_if(m.value_as_number <= b.deciles[2]), count_if(m.value_as_number <= b.deciles[3]),
            count_if(m.value_as_number <= b.deciles[4]), count_if(m.value_as_number <= b.deciles[5]), count_if(m.value_as_number <= b.deciles[6]),
            count_if(m.value_as_number <= b.deciles[7]), count_if(m.value_as_number <= b.deciles[8]), count_if(m.value_as_number <= b.deciles[9]), count(*)
        ] AS up_to
    FROM cdm.measurement AS m
    INNER JOIN plait.value_profile AS b ON m.measurement_concept_id = b.measurement_concept_id AND coalesce(m.unit_concept_id, 0) = b.unit_concept_id
    WHERE m.value_as_number IS NOT NULL
    GROUP BY b.measurement_concept_id, b.unit_concept_id
),

share AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        before_count,
        value_count,
        unnest(range(1, 11)) AS decile,
        before_up_to,
        up_to
    FROM counted
    WHERE before_count >= 100 AND value_count >= 100
),

pair AS (
    SELECT
        measurement_concept_id,
        unit_concept_id,
        before_count,
        value_count,
        greatest((before_up_to[decile] - CASE WHEN decile = 1 THEN 0 ELSE before_up_to[decile - 1] END) / before_count, 0.0001) AS old_share,
        greatest((up_to[decile] - CASE WHEN decile = 1 THEN 0 ELSE up_to[decile - 1] END) / value_count, 0.0001) AS new_share
    FROM share
)

SELECT
    measurement_concept_id,
    unit_concept_id,
    before_count,
    value_count,
    round(sum((new_share - old_share) * ln(new_share / old_share)), 4) AS stability_index
FROM pair
GROUP BY ALL
