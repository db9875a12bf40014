-- One row: a table of the CDM, and a year or all of them (NULL), with its rows, the persons whom they are of, and the rows with a standard concept.
SELECT
    r.table_name,
    year(r.happened) AS happened_year,
    count(*) AS records,
    count(DISTINCT r.person_id) AS persons,
    count_if(r.concept_id != 0) AS mapped,
    count(r.concept_id) AS coded
FROM recorded_row AS r
GROUP BY GROUPING SETS ((r.table_name), (r.table_name, year(r.happened)))
HAVING grouping(year(r.happened)) = 1 OR year(r.happened) IS NOT NULL
ORDER BY r.table_name, happened_year NULLS FIRST
