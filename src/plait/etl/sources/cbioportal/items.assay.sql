-- One row: a sample of a matrix; its patient is that of the sample, its panel what the panel matrix says of the profile, or its meta file.
WITH panel AS (
    SELECT
        p.SAMPLE_ID,
        unnest(json_keys(to_json(p))) AS profile,
        to_json(p) AS record
    FROM (SELECT * FROM panel_matrix) AS p
),

profile AS (
    SELECT
        n.value AS profile,
        min(p.value) AS panel
    FROM meta AS n
    INNER JOIN meta AS p ON n.meta = p.meta AND p.key = 'gene_panel'
    WHERE n.key = 'stable_id'
    GROUP BY n.value
)

SELECT
    i._pointer,
    s.PATIENT_ID AS person,
    i.sample AS specimen,
    i.sample AS item,
    i.assay,
    i.layer,
    coalesce(p.panel, f.panel) AS panel,
    i.features,
    i.missing,
    i.infinite,
    i.value_sha256,
    'registry' AS type,
    CASE
        WHEN s.SAMPLE_ID IS NULL THEN 'unknown_specimen'
        WHEN i.layer = 'counts' AND i.negative != '0' THEN 'negative_count'
    END AS _reject
FROM items AS i
CROSS JOIN options AS o
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        min(PATIENT_ID) AS PATIENT_ID
    FROM sample
    GROUP BY SAMPLE_ID
    HAVING count(DISTINCT PATIENT_ID) = 1
) AS s ON i.sample = s.SAMPLE_ID
LEFT JOIN (
    SELECT
        SAMPLE_ID,
        profile,
        min(json_extract_string(record, profile)) AS panel
    FROM panel
    WHERE profile NOT IN ('_pointer', 'SAMPLE_ID')
    GROUP BY SAMPLE_ID, profile
) AS p ON i.sample = p.SAMPLE_ID AND substr(i.assay, length(o.source) + 2) = p.profile
LEFT JOIN profile AS f ON substr(i.assay, length(o.source) + 2) = f.profile
