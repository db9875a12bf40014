-- One row: a code that is left.
SELECT p.*
FROM page AS p
ANTI JOIN gone_code USING (source, code_system, code)
