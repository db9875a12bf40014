-- touched, one row: a record that goes with the persons, of somebody else, or of nobody. left_row, one row: a staged row that may stand beside one.
CREATE OR REPLACE TEMP TABLE touched (person_id BIGINT, source VARCHAR, file VARCHAR, shape VARCHAR, digest UUID);

CREATE OR REPLACE TEMP TABLE left_row (person_id BIGINT, source VARCHAR, file VARCHAR, shape VARCHAR, digest UUID, is_first BOOLEAN);
