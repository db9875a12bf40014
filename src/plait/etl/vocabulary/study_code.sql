-- study_code, one row: a code as some staged rows name it. system_alias, one row: a vocabulary in which a
-- source's code system is looked up, in order of rank.
CREATE OR REPLACE TABLE study_code (source VARCHAR, code_system VARCHAR, code VARCHAR, display VARCHAR, records BIGINT);

CREATE OR REPLACE TABLE system_alias (source VARCHAR, code_system VARCHAR, vocabulary_id VARCHAR, rank INTEGER);
