-- lineage, one row: a CDM row and a source record that it comes from, named by the record's digest: `loaded`
-- where the record made the row, `merged` where it only went into it. row_meta, one row: when a CDM row and
-- its end were known.
CREATE OR REPLACE TEMP TABLE lineage (
    table_name VARCHAR,
    row_id BIGINT,
    person_id BIGINT,
    source VARCHAR,
    file VARCHAR,
    shape VARCHAR,
    digest UUID,
    role VARCHAR
);

CREATE OR REPLACE TEMP TABLE row_meta (
    table_name VARCHAR,
    row_id BIGINT,
    person_id BIGINT,
    known_time TIMESTAMP,
    end_known_time TIMESTAMP
);

INSERT INTO lineage
SELECT
    'person',
    person_id AS row_id,
    person_id,
    source,
    file,
    'person',
    digest,
    CASE WHEN row_number() OVER (PARTITION BY person_id ORDER BY system, person, source, digest) = 1 THEN 'loaded' ELSE 'merged' END
FROM live_person;

INSERT INTO lineage
SELECT 'visit_detail', l.visit_detail_id, v.person_id, v.source, v.file, 'visit', v.digest, 'loaded'
FROM visit_row AS v
INNER JOIN visit_link AS l ON v.n = l.n
UNION ALL
SELECT 'visit_occurrence', l.visit_occurrence_id, v.person_id, v.source, v.file, 'visit', v.digest, CASE WHEN l.leader = l.n THEN 'loaded' ELSE 'merged' END
FROM visit_row AS v
INNER JOIN visit_link AS l ON v.n = l.n;

INSERT INTO row_meta
SELECT 'visit_detail', l.visit_detail_id, v.person_id, v.known_time, v.end_known_time
FROM visit_row AS v
INNER JOIN visit_link AS l ON v.n = l.n
UNION ALL
SELECT 'visit_occurrence', g.visit_occurrence_id, v.person_id, v.known_time, g.end_known_time
FROM visit_group AS g
INNER JOIN visit_row AS v ON g.leader = v.n;

INSERT INTO lineage
SELECT target_table, row_id, person_id, source, file, shape, digest, 'loaded'
FROM event_row
WHERE shape != 'finding';

INSERT INTO row_meta
SELECT target_table, row_id, person_id, known_time, end_known_time
FROM event_row;

INSERT INTO lineage
SELECT 'death', person_id AS row_id, person_id, source, file, 'death', digest, CASE WHEN place = 1 THEN 'loaded' ELSE 'merged' END
FROM death_row
WHERE before_birth IS NOT TRUE;

INSERT INTO row_meta
SELECT 'death', person_id AS row_id, person_id, known_time, NULL
FROM death_row
WHERE place = 1 AND before_birth IS NOT TRUE;

INSERT INTO lineage
SELECT 'absence', absence_id, person_id, source, file, 'absence', digest, 'loaded'
FROM absence_row;

INSERT INTO row_meta
SELECT 'absence', absence_id, person_id, known_time, end_known_time
FROM absence_row;

INSERT INTO lineage
SELECT 'note', note_id, person_id, source, file, 'note', digest, 'loaded'
FROM note_row;

INSERT INTO row_meta
SELECT 'note', note_id, person_id, known_time, NULL
FROM note_row;

INSERT INTO lineage
SELECT 'payer_plan_period', payer_plan_period_id, person_id, source, file, 'payer_period', digest, 'loaded'
FROM payer_row;

INSERT INTO row_meta
SELECT 'payer_plan_period', payer_plan_period_id, person_id, known_time, end_known_time
FROM payer_row;

INSERT INTO lineage
SELECT 'cost', cost_id, person_id, source, file, 'cost', digest, 'loaded'
FROM cost_row
WHERE kind = 'total'
UNION ALL
SELECT
    'cost',
    r.cost_id,
    e.person_id,
    e.source,
    e.file,
    'cost',
    e.digest,
    CASE WHEN row_number() OVER (PARTITION BY r.cost_id ORDER BY e.entry != 'charge', e.entry = 'header', e.digest) = 1 THEN 'loaded' ELSE 'merged' END
FROM cost_entry AS e
INNER JOIN cost_row AS r ON e.person_id = r.person_id AND e.source = r.source AND e.bill = r.bill AND e.bill_line = r.bill_line;

INSERT INTO row_meta
SELECT 'cost', cost_id, person_id, known_time, NULL
FROM cost_row;

INSERT INTO lineage
SELECT 'episode', episode_id, person_id, source, file, 'episode', digest, 'loaded'
FROM episode_row;

INSERT INTO row_meta
SELECT 'episode', episode_id, person_id, known_time, end_known_time
FROM episode_row;

INSERT INTO lineage
SELECT 'specimen', specimen_id, person_id, source, file, 'specimen', digest, 'loaded'
FROM specimen_row
UNION ALL
SELECT 'omics_occurrence', omics_occurrence_id, person_id, source, file, 'assay', digest, 'loaded'
FROM assay_row
UNION ALL
SELECT 'omics_variant', omics_variant_id, person_id, source, file, 'variant', digest, 'loaded'
FROM variant_row
UNION ALL
SELECT 'image_occurrence', image_occurrence_id, person_id, source, file, 'image', digest, 'loaded'
FROM image_row
UNION ALL
SELECT 'image_feature', image_feature_id, person_id, source, file, 'image_feature', digest, 'loaded'
FROM image_feature_row;

INSERT INTO row_meta
SELECT 'specimen', specimen_id, person_id, known_time, NULL
FROM specimen_row
UNION ALL
SELECT 'omics_occurrence', omics_occurrence_id, person_id, known_time, NULL
FROM assay_row
UNION ALL
SELECT 'omics_variant', omics_variant_id, person_id, known_time, NULL
FROM variant_row
UNION ALL
SELECT 'image_occurrence', image_occurrence_id, person_id, known_time, NULL
FROM image_row
UNION ALL
SELECT 'image_feature', image_feature_id, person_id, known_time, NULL
FROM image_feature_row;

CREATE OR REPLACE TEMP TABLE derivation (
    table_name VARCHAR,
    row_id BIGINT,
    from_table VARCHAR,
    from_row_id BIGINT
);
