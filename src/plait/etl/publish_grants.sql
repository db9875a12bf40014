-- One row: a statement that grants, on schema $2 or one of its tables, what somebody was granted on schema $1 or on the table of that name.
WITH granted AS (
    SELECT format('SCHEMA %I', CAST($2 AS text)) AS object, acl.grantee, acl.privilege_type, acl.is_grantable
    FROM pg_namespace
    CROSS JOIN LATERAL aclexplode(pg_namespace.nspacl) AS acl
    WHERE pg_namespace.nspname = CAST($1 AS text) AND acl.grantee <> pg_namespace.nspowner

    UNION ALL

    SELECT format('TABLE %I.%I', CAST($2 AS text), pg_class.relname) AS object, acl.grantee, acl.privilege_type, acl.is_grantable
    FROM pg_class
    INNER JOIN pg_namespace ON pg_class.relnamespace = pg_namespace.oid
    CROSS JOIN LATERAL aclexplode(pg_class.relacl) AS acl
    WHERE pg_namespace.nspname = CAST($1 AS text) AND pg_class.relkind = 'r' AND acl.grantee <> pg_class.relowner
)

SELECT
    format(
        'GRANT %s ON %s TO %s%s',
        granted.privilege_type,
        granted.object,
        CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_roles.rolname) END,
        CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    ) AS statement
FROM granted
LEFT JOIN pg_roles ON granted.grantee = pg_roles.oid
WHERE granted.grantee = 0 OR pg_roles.oid IS NOT NULL
ORDER BY statement
