-- late_reject, one row: a dimension record that contradicts another one of the same key.
CREATE OR REPLACE TEMP TABLE late_reject AS
SELECT
    person_id,
    source,
    file,
    shape,
    digest,
    'duplicate_key' AS reason
FROM all_loser
WHERE fate = 'rejected';
