-- touched_fate, one row: of whom, in what file and shape, records go with the persons. touched_row, one row: a record of them that is left.
-- gone_digest, one row: a record that no record that is left equals. bystander, one row: a person whom it tells of.
CREATE OR REPLACE TEMP TABLE touched_fate AS
SELECT DISTINCT
    coalesce(person_id, -1) AS person_key,
    source,
    file,
    shape
FROM touched;

CREATE OR REPLACE TEMP TABLE touched_row AS
SELECT
    l.*,
    coalesce(l.person_id, -1) AS person_key
FROM left_row AS l
SEMI JOIN touched_fate AS t ON coalesce(l.person_id, -1) = t.person_key AND l.source = t.source AND l.file = t.file AND l.shape = t.shape;

CREATE OR REPLACE TEMP TABLE gone_digest AS
SELECT DISTINCT
    t.source,
    t.file,
    t.shape,
    t.digest
FROM touched AS t
ANTI JOIN left_row AS l ON t.source = l.source AND t.file = l.file AND t.shape = l.shape AND t.digest = l.digest;

CREATE OR REPLACE TEMP TABLE bystander AS
SELECT DISTINCT person_id
FROM touched
WHERE person_id IS NOT NULL;
