-- site_map, one row: a mapping of the site or of a source, in the columns of OMOP's SOURCE_TO_CONCEPT_MAP; of those of a
-- code the lowest rank counts. site_code, one row: a mapping that names its target by a code of its vocabulary.
CREATE OR REPLACE TABLE site_map (
    source_code VARCHAR NOT NULL,
    source_concept_id BIGINT NOT NULL,
    source_vocabulary_id VARCHAR NOT NULL,
    source_code_description VARCHAR,
    target_concept_id BIGINT NOT NULL,
    target_vocabulary_id VARCHAR NOT NULL,
    valid_start_date DATE NOT NULL,
    valid_end_date DATE NOT NULL,
    invalid_reason VARCHAR,
    rank INTEGER NOT NULL
);

CREATE OR REPLACE TABLE site_code (
    source_code VARCHAR NOT NULL,
    source_concept_id BIGINT NOT NULL,
    source_vocabulary_id VARCHAR NOT NULL,
    source_code_description VARCHAR,
    target_code VARCHAR NOT NULL,
    target_vocabulary_id VARCHAR NOT NULL,
    valid_start_date DATE NOT NULL,
    valid_end_date DATE NOT NULL,
    invalid_reason VARCHAR
);
