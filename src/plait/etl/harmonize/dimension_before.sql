-- dimension_id, one row: a key that ever had an id.
CREATE OR REPLACE TABLE dimension_id (dimension VARCHAR, system VARCHAR, key VARCHAR, id BIGINT, is_present BOOLEAN);
