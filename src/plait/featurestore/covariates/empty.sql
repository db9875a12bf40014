-- covariate_value, one row: an index row's value of a covariate; with a time_id, in that window; `last_day` is the last
-- on which what it is made of began, where it is made of events. covariate_code, one
-- row: what a covariate's id less its analysis stands for, where it is no concept's number.
CREATE OR REPLACE TEMP TABLE covariate_value (row_id BIGINT, covariate_id BIGINT, time_id INTEGER, covariate_value DOUBLE, last_day INTEGER);

CREATE OR REPLACE TEMP TABLE covariate_code (kind VARCHAR, table_name VARCHAR, code BIGINT, concept_id BIGINT, other_concept_id BIGINT);

-- covariate_conversion, one row: a concept and a unit that its values came in, and what was made of them. covariate_unparsed,
-- one row: an index row, an analysis, a window and a concept of which only values were found that cannot be read; covariate_absent,
-- the same of one without a value, and the absence that says why.
CREATE OR REPLACE TEMP TABLE covariate_conversion (
    table_name VARCHAR,
    concept_id BIGINT,
    unit_concept_id BIGINT,
    unit VARCHAR,
    to_unit_concept_id BIGINT,
    to_unit VARCHAR,
    factor DOUBLE,
    shift DOUBLE,
    value_count BIGINT
);

CREATE OR REPLACE TEMP TABLE covariate_unparsed (row_id BIGINT, analysis_id BIGINT, temporal BOOLEAN, time_id INTEGER, concept_id BIGINT);

CREATE OR REPLACE TEMP TABLE covariate_absent (
    row_id BIGINT,
    analysis_id BIGINT,
    temporal BOOLEAN,
    time_id INTEGER,
    concept_id BIGINT,
    reason VARCHAR,
    absence_id BIGINT,
    event_time TIMESTAMP,
    known_time TIMESTAMP
);
