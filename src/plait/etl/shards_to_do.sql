-- One row: a shard with somebody to compute or to remove, and whether nobody in it stays as is.
SELECT
    person_id // $size AS shard,
    count(*) FILTER (state = 'same') = 0 AS is_whole
FROM person_state
GROUP BY person_id // $size
HAVING count(*) FILTER (state != 'same') > 0
ORDER BY shard
