-- all_loser, one row: a staged row of some shape that goes no further (see losers).
CREATE OR REPLACE TEMP TABLE all_loser (
    shape VARCHAR,
    file_id BIGINT,
    record BIGINT,
    part INTEGER,
    person_id BIGINT,
    source VARCHAR,
    file VARCHAR,
    digest UUID,
    fate VARCHAR,
    winner_source VARCHAR,
    winner_file VARCHAR,
    winner_digest UUID
);
