-- adopted_code, one row: what a concept field of a CDM holds, and in how many rows. value_vocabulary, one row: a field of source values, and the
-- vocabulary in which the study says that a source's are.
CREATE OR REPLACE TABLE adopted_code (
    source VARCHAR,
    table_name VARCHAR,
    field VARCHAR,
    source_concept_id BIGINT,
    concept_id BIGINT,
    source_value VARCHAR,
    is_event BOOLEAN,
    has_source_concept BOOLEAN,
    source_value_field VARCHAR,
    wanted_domain VARCHAR,
    is_known BOOLEAN,
    records BIGINT
);

CREATE OR REPLACE TABLE value_vocabulary (source VARCHAR, field VARCHAR, vocabulary_id VARCHAR);
