-- One row: what the values of a column are like as a whole; words for no value are counted apart.
SELECT
    coalesce(sum(records) FILTER (WHERE NOT is_none), 0)::BIGINT AS filled,
    count(*) FILTER (WHERE NOT is_none) AS distinct_values,
    coalesce(max(records) FILTER (WHERE NOT is_none), 0) AS most_records,
    coalesce(min(length(value)) FILTER (WHERE NOT is_none), 0) AS shortest,
    coalesce(max(length(value)) FILTER (WHERE NOT is_none), 0) AS longest,
    coalesce(sum(length(value) * records) FILTER (WHERE NOT is_none) / sum(records) FILTER (WHERE NOT is_none), 0)::DOUBLE AS mean_length,
    coalesce(list(DISTINCT trim(value) ORDER BY trim(value)) FILTER (WHERE is_none), []) AS none_words
FROM profiled_value
