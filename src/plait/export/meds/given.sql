-- One row: an event that is no row of a table of the CDM, with the columns of `named.sql`; what it does not tell is NULL.
SELECT * FROM blank_event
UNION ALL BY NAME
SELECT * FROM given_event
