-- lineage, one row: a dimension row and the source record that it comes from. row_meta stays empty:
-- a place or a provider is no fact of a patient.
CREATE OR REPLACE TEMP TABLE lineage AS
SELECT
    'location' AS table_name,
    i.id AS row_id,
    s.file_id,
    s.record,
    'location' AS shape,
    'loaded' AS role
FROM live_location AS s
INNER JOIN dimension_id AS i ON i.dimension = 'location' AND s.system = i.system AND s.key = i.key
UNION ALL
SELECT
    'care_site',
    i.id,
    s.file_id,
    s.record,
    'care_site',
    'loaded'
FROM live_care_site AS s
INNER JOIN dimension_id AS i ON i.dimension = 'care_site' AND s.system = i.system AND s.key = i.key
UNION ALL
SELECT
    'provider',
    i.id,
    s.file_id,
    s.record,
    'provider',
    'loaded'
FROM live_provider AS s
INNER JOIN dimension_id AS i ON i.dimension = 'provider' AND s.system = i.system AND s.key = i.key;

CREATE OR REPLACE TEMP TABLE row_meta (
    table_name VARCHAR,
    row_id BIGINT,
    person_id BIGINT,
    known_time TIMESTAMP,
    end_known_time TIMESTAMP
);
