-- reject, one row: a record rejected in a shape, and why. reject_raw, one row: the raw text of a rejected record.
CREATE OR REPLACE TABLE reject (
    file_id BIGINT,
    record BIGINT,
    source VARCHAR,
    file VARCHAR,
    shape VARCHAR,
    reason VARCHAR,
    detail VARCHAR,
    is_late BOOLEAN
);

CREATE OR REPLACE TABLE reject_raw (file_id BIGINT, record BIGINT, raw VARCHAR);
