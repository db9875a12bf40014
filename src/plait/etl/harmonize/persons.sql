-- crosswalk, one row: a person of the shard to compute. same_person, one row: a person who stays as is.
CREATE OR REPLACE TABLE crosswalk AS
SELECT
    system,
    identifier,
    person_id
FROM person_state
WHERE state = 'changed';

CREATE OR REPLACE TABLE same_person AS
SELECT DISTINCT person_id
FROM person_state
WHERE state = 'same';
