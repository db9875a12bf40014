-- concept_change, one row: how many rows of a person have, in one field, another concept than they came with, or are of another table.
CREATE OR REPLACE TEMP TABLE concept_change (
    person_id BIGINT,
    source VARCHAR,
    table_name VARCHAR,
    field VARCHAR,
    source_concept_id BIGINT,
    old_concept_id BIGINT,
    new_concept_id BIGINT,
    new_domain_id VARCHAR,
    new_table_name VARCHAR,
    mapped_by VARCHAR,
    records BIGINT
);
