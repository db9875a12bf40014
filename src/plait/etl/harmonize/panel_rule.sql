-- panel_rule, one row: a panel and the samples of a source that it was used for, in order of rank.
CREATE OR REPLACE TABLE panel_rule (source VARCHAR, panel VARCHAR, samples VARCHAR, rank BIGINT);
