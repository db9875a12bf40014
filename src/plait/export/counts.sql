-- One row: a figure of an export, and its number of persons.
SELECT
    'persons' AS figure,
    count(*) AS n
FROM pseudonym
UNION ALL
SELECT
    'older' AS figure,
    count_if(is_old) AS n
FROM birth
