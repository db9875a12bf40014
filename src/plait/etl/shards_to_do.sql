-- One row: a shard with somebody to compute or to remove, whether nobody in it stays as is, and a digest of its
-- persons, of what is to be done with each, and of the staged rows of those to compute.
WITH work AS (
    SELECT
        s.person_id,
        s.state,
        md5_number_lower(concat_ws(chr(31), s.person_id, s.system, s.identifier, s.state, n.source, n."rows", n.digest)) AS digest
    FROM person_state AS s
    LEFT JOIN digest_now AS n ON CASE WHEN s.state = 'changed' THEN s.person_id END = n.person_id
)

SELECT
    person_id // $size AS shard,
    count(*) FILTER (state = 'same') = 0 AS is_whole,
    CAST(sum(digest) AS VARCHAR) AS digest
FROM work
GROUP BY person_id // $size
HAVING count(*) FILTER (state != 'same') > 0
ORDER BY shard
