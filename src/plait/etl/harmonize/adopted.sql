-- adopted_id, one row: an adopted row, the table that it is of in its source and the id that it has there, and the table and the id that it has now.
CREATE OR REPLACE TEMP TABLE adopted_id (
    table_name VARCHAR,
    system VARCHAR,
    person_id BIGINT,
    own_id BIGINT,
    fan INTEGER,
    new_table_name VARCHAR,
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
