-- One row more in lineage: a declared period and the observation period that it made or went into, and in row_meta.
INSERT INTO lineage
SELECT
    'observation_period',
    e.era_id,
    e.person_id,
    p.source,
    p.file,
    'period',
    p.digest,
    CASE WHEN row_number() OVER (PARTITION BY e.era_id ORDER BY p.n) = 1 THEN 'loaded' ELSE 'merged' END
FROM member AS m
INNER JOIN era AS e ON m.person_id = e.person_id AND m.era_start = e.era_start
INNER JOIN period_row AS p ON m.from_row_id = p.n;

-- It is known when the period that it begins with is, however late others make it longer; its end when all of them are.
INSERT INTO row_meta
SELECT
    'observation_period',
    e.era_id,
    e.person_id,
    arg_min(p.known_time, (p.start, p.known_time)),
    greatest(max(p.known_time), max(p.end_known_time))
FROM member AS m
INNER JOIN era AS e ON m.person_id = e.person_id AND m.era_start = e.era_start
INNER JOIN period_row AS p ON m.from_row_id = p.n
GROUP BY e.era_id, e.person_id;
