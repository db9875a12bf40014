-- adopted_id, one row: an adopted row, the id that it had in its source, and the one that it has now.
CREATE OR REPLACE TEMP TABLE adopted_id (
    table_name VARCHAR,
    source VARCHAR,
    system VARCHAR,
    person_id BIGINT,
    own_id BIGINT,
    file_id BIGINT,
    record BIGINT,
    part INTEGER,
    row_id BIGINT
);

CREATE OR REPLACE TEMP TABLE adopted_reject (
    person_id BIGINT,
    source VARCHAR,
    file VARCHAR,
    shape VARCHAR,
    digest UUID,
    reason VARCHAR
);

CREATE OR REPLACE TEMP TABLE adopted_notice (
    person_id BIGINT,
    source VARCHAR,
    file VARCHAR,
    kind VARCHAR,
    detail VARCHAR,
    records BIGINT
);
