-- code_concept, one row: a code of the study with one concept, for attributes that hold only one.
CREATE OR REPLACE TABLE code_concept AS
SELECT
    source,
    code_system,
    code,
    min(target_concept_id) AS concept_id,
    min(source_concept_id) AS source_concept_id
FROM study_map
GROUP BY source, code_system, code;

-- used_drug, one row: a concept that a code of the study maps to; the drugs among them are looked up.
CREATE OR REPLACE VIEW used_drug AS
SELECT DISTINCT target_concept_id AS drug_concept_id
FROM study_map;

-- named_table, one row more: a field whose concept names the table that an event is in.
INSERT INTO named_table
SELECT
    'event_field',
    CAST(concept_id AS VARCHAR),
    code,
    note
FROM named_concept
WHERE kind = 'event_field';
