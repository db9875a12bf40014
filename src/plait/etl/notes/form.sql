-- form, one row: a levelled name of a concept, and what the concept means.
CREATE OR REPLACE TEMP TABLE form (
    form VARCHAR,
    gaps VARCHAR [],
    is_acronym BOOLEAN,
    concept_id BIGINT,
    targets BIGINT [],
    domains VARCHAR [],
    domain_rank INTEGER,
    is_standard BOOLEAN,
    is_own BOOLEAN
)
