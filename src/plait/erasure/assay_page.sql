-- One row: the file of an assay.
SELECT
    p.* REPLACE (
        coalesce(c.new_path, p.path) AS path,
        coalesce(c.new_sha256, p.sha256) AS sha256,
        coalesce(c.new_items, p.items) AS items
    )
FROM page AS p
LEFT JOIN changed_assay AS c ON p.path = c.old_path
