-- One row: a schema called $1, or one that was put aside for it, and what its comment says.
SELECT pg_namespace.nspname AS name, coalesce(obj_description(pg_namespace.oid, 'pg_namespace'), '') AS comment
FROM pg_namespace
WHERE pg_namespace.nspname = CAST($1 AS text) OR starts_with(CAST(pg_namespace.nspname AS text), CAST($1 AS text) || '_old_')
ORDER BY name
