-- lineage, one row: a dimension row and the source record that it comes from, or a person
-- and a link that was followed. row_meta stays empty: a place or
-- a provider is no fact of a patient.
CREATE OR REPLACE TEMP TABLE lineage AS
WITH live AS (
    SELECT 'location' AS shape, system, key, source, file, digest FROM live_location
    UNION ALL
    SELECT 'care_site', system, key, source, file, digest FROM live_care_site
    UNION ALL
    SELECT 'provider', system, key, source, file, digest FROM live_provider
    UNION ALL
    SELECT 'feature', system, key, source, file, digest FROM live_feature
)

SELECT
    CASE l.shape WHEN 'feature' THEN 'omics_feature' ELSE l.shape END AS table_name,
    i.id AS row_id,
    CAST(NULL AS BIGINT) AS person_id,
    l.source,
    l.file,
    l.shape,
    l.digest,
    'loaded' AS role
FROM live AS l
INNER JOIN dimension_id AS i ON l.shape = i.dimension AND l.system = i.system AND l.key = i.key
UNION ALL
SELECT
    'person',
    f.person_id,
    NULL,
    l.source,
    l.file,
    'link',
    l.digest,
    'merged'
FROM live_link AS l
INNER JOIN link_fate AS f ON l.person = f.label AND l.link_system = f.system AND l.identifier = f.identifier
WHERE f.reason IS NULL;

CREATE OR REPLACE TEMP TABLE row_meta (
    table_name VARCHAR,
    row_id BIGINT,
    person_id BIGINT,
    known_time TIMESTAMP,
    end_known_time TIMESTAMP
);
