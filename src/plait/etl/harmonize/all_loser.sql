-- all_loser, one row: a staged row of some shape that goes no further (see losers).
CREATE OR REPLACE TEMP TABLE all_loser (
    shape VARCHAR,
    file_id BIGINT,
    record BIGINT,
    part INTEGER,
    fate VARCHAR,
    winner_file_id BIGINT,
    winner_record BIGINT
);
