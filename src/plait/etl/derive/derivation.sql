-- One row more in derivation: a derived row and a CDM row that it is made of.
INSERT INTO derivation
SELECT
    $table,
    e.era_id,
    m.from_table,
    m.from_row_id
FROM member AS m
INNER JOIN era AS e ON m.person_id = e.person_id AND m.series = e.series AND m.era_start = e.era_start
ORDER BY e.era_id, m.from_table, m.from_row_id;
