-- panel_rule, one row: a panel and the samples of a source that it was used for, in order of rank. panel_name, one row: a
-- panel whose genes are known.
CREATE OR REPLACE TABLE panel_rule (source VARCHAR, panel VARCHAR, samples VARCHAR, rank BIGINT);

CREATE OR REPLACE TABLE panel_name (panel VARCHAR);
