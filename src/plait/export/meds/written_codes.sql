-- One row: a code that an event has, has too, or says.
SELECT code
FROM written_event
UNION ALL
SELECT other_code
FROM written_event
UNION ALL
SELECT t.text_value
FROM (SELECT DISTINCT text_value FROM written_event) AS t
SEMI JOIN coded_concept AS c ON t.text_value = c.code
