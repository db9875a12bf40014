-- covariate_value, one row: an index row's value of a covariate; with a time_id, in that window. covariate_code, one
-- row: what a covariate's id less its analysis stands for, where it is no concept's number.
CREATE OR REPLACE TEMP TABLE covariate_value (row_id BIGINT, covariate_id BIGINT, time_id INTEGER, covariate_value DOUBLE);

CREATE OR REPLACE TEMP TABLE covariate_code (kind VARCHAR, table_name VARCHAR, code BIGINT, concept_id BIGINT, other_concept_id BIGINT);
