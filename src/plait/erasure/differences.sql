-- ledger_difference, reason_difference, notice_difference, one row: what is to be added to a line of a run's books.
CREATE OR REPLACE TEMP TABLE ledger_difference (source VARCHAR, file VARCHAR, shape VARCHAR, loaded BIGINT, merged BIGINT, written BIGINT);

CREATE OR REPLACE TEMP TABLE reason_difference (source VARCHAR, file VARCHAR, shape VARCHAR, fate VARCHAR, reason VARCHAR, records BIGINT);

CREATE OR REPLACE TEMP TABLE notice_difference (source VARCHAR, file VARCHAR, kind VARCHAR, detail VARCHAR, records BIGINT);
