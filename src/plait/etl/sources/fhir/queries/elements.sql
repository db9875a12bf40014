-- One row: a sort of resources of the block, and the names of the elements that they have.
SELECT
    type,
    list_distinct(flatten(list(CASE WHEN fault IS NULL THEN json_keys(body) END)))
FROM resource
GROUP BY type;
