-- One row: a resource of the block, with the text that it attaches; what stands in `text` is not kept in `body` as well.
SELECT
    r.* REPLACE (
        r.n + $earlier AS n,
        CASE WHEN d.n IS NOT NULL THEN regexp_replace(r.body, '"data"\s*:\s*"[^"]{64,}"', '"data":"…"', 'g') ELSE r.body END AS body
    ),
    d.text,
    d.content,
    d.charset,
    d.url,
    d.rule AS text_rule,
    d.text_fault
FROM resource AS r
LEFT JOIN document AS d ON r.n = d.n
ORDER BY 1
