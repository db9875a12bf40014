-- One row: something that would be lost with the tables of schema $1, because others made it: an object in the schema that is none of the
-- tables $2, or a view or a foreign key elsewhere that leans on one of them.
WITH ours AS (
    SELECT pg_class.oid
    FROM pg_class
    INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
    WHERE pg_namespace.nspname = CAST($1 AS text) AND pg_class.relkind = 'r' AND pg_class.relname = ANY(CAST($2 AS text []))
),

inside AS (
    SELECT pg_depend.classid, pg_depend.objid
    FROM pg_depend
    INNER JOIN pg_namespace ON pg_depend.refobjid = pg_namespace.oid
    WHERE
        pg_namespace.nspname = CAST($1 AS text) AND pg_depend.refclassid = CAST('pg_namespace' AS regclass) AND pg_depend.deptype = 'n'
        AND NOT (pg_depend.classid = CAST('pg_class' AS regclass) AND pg_depend.objid IN (SELECT ours.oid FROM ours))
),

views AS (
    SELECT CAST('pg_class' AS regclass) AS classid, pg_rewrite.ev_class AS objid
    FROM pg_depend
    INNER JOIN pg_rewrite ON pg_depend.objid = pg_rewrite.oid
    WHERE
        pg_depend.classid = CAST('pg_rewrite' AS regclass) AND pg_depend.refclassid = CAST('pg_class' AS regclass)
        AND pg_depend.refobjid IN (SELECT ours.oid FROM ours)
),

keys AS (
    SELECT CAST('pg_constraint' AS regclass) AS classid, pg_constraint.oid AS objid
    FROM pg_constraint
    WHERE pg_constraint.confrelid IN (SELECT ours.oid FROM ours) AND pg_constraint.conrelid NOT IN (SELECT ours.oid FROM ours)
)

SELECT pg_describe_object(found.classid, found.objid, 0) AS obstacle
FROM (SELECT * FROM inside UNION SELECT * FROM views UNION SELECT * FROM keys) AS found
ORDER BY obstacle
