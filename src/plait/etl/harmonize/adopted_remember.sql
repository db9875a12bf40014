-- One row more in adopted_id: a row of a table with the id that it has now.
INSERT INTO adopted_id
SELECT
    origin,
    system,
    person_id,
    own_id,
    fan,
    $table,
    row_id
FROM numbered;
