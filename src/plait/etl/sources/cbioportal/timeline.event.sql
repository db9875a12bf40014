-- One row: what a timeline tells (part 0), and each further attribute of it, as an observation of the same time.
-- A treatment is a drug or a procedure, a test a measurement, an image or an operation a procedure; the rest is observed.
WITH told AS (
    SELECT
        t.*,
        upper(t.EVENT_TYPE) AS kind,
        upper(t.EVENT_TYPE) = 'TREATMENT' AND regexp_matches(upper(coalesce(t.TREATMENT_TYPE, '')), 'RADIATION|RADIOTHERAPY') AS is_radiation,
        t.START_DATE || ' days' AS started,
        t.STOP_DATE || ' days' AS stopped
    FROM (SELECT * FROM timeline) AS t
),

main AS (
    SELECT
        t._pointer,
        t.PATIENT_ID,
        t.started,
        t.stopped,
        CASE
            WHEN t.kind = 'TREATMENT' AND NOT t.is_radiation THEN coalesce(t.AGENT, t.SUBTYPE, t.TREATMENT_TYPE, t.EVENT_TYPE)
            WHEN t.kind = 'TREATMENT' THEN coalesce(t.SUBTYPE, t.TREATMENT_TYPE)
            WHEN t.kind = 'LAB_TEST' THEN coalesce(t.TEST, t.EVENT_TYPE)
            WHEN t.kind = 'STATUS' THEN coalesce(t.STATUS, t.EVENT_TYPE)
            WHEN t.kind = 'IMAGING' THEN coalesce(t.DIAGNOSTIC_TYPE, t.EVENT_TYPE)
            WHEN t.kind = 'SURGERY' THEN coalesce(t.SUBTYPE, t.EVENT_TYPE)
            ELSE t.EVENT_TYPE
        END AS code,
        CASE
            WHEN t.is_radiation THEN 'CBIOPORTAL_RADIATION'
            WHEN t.kind = 'TREATMENT' THEN 'CBIOPORTAL_AGENT'
            WHEN t.kind = 'LAB_TEST' THEN 'CBIOPORTAL_TEST'
            WHEN t.kind = 'STATUS' THEN 'CBIOPORTAL_STATUS'
            WHEN t.kind IN ('IMAGING', 'SURGERY') THEN concat('CBIOPORTAL_', t.kind)
            ELSE 'CBIOPORTAL_EVENT'
        END AS code_system,
        CASE
            WHEN t.is_radiation OR t.kind IN ('IMAGING', 'SURGERY') THEN 'Procedure'
            WHEN t.kind = 'TREATMENT' THEN 'Drug'
            WHEN t.kind = 'LAB_TEST' THEN 'Measurement'
            ELSE 'Observation'
        END AS domain,
        CASE WHEN t.kind IN ('LAB_TEST', 'IMAGING') THEN t.RESULT END AS value,
        CASE WHEN t.kind = 'LAB_TEST' THEN t.UNIT END AS unit,
        CASE WHEN t.kind = 'TREATMENT' THEN concat(t.PATIENT_ID, '/treatment/', coalesce(t.TREATMENT_LINE, t.REGIMEN, t.START_DATE)) END AS episode
    FROM told AS t
),

attribute AS (
    SELECT
        t._pointer,
        t.PATIENT_ID,
        t.started,
        t.kind,
        unnest(json_keys(to_json(t))) AS attribute_name,
        to_json(t) AS record
    FROM told AS t
),

further AS (
    SELECT
        a._pointer,
        a.PATIENT_ID,
        a.started,
        concat(a.kind, '.', a.attribute_name) AS code,
        json_extract_string(a.record, a.attribute_name) AS value,
        a.attribute_name
    FROM attribute AS a
    WHERE
        a.attribute_name NOT IN (
            '_pointer', 'PATIENT_ID', 'START_DATE', 'STOP_DATE', 'EVENT_TYPE', 'STYLE_COLOR', 'STYLE_SHAPE', 'kind', 'is_radiation', 'started', 'stopped'
        )
        AND NOT (a.kind = 'TREATMENT' AND a.attribute_name IN ('AGENT', 'TREATMENT_LINE', 'REGIMEN'))
        AND NOT (a.kind = 'LAB_TEST' AND a.attribute_name IN ('TEST', 'RESULT', 'UNIT'))
        AND NOT (a.kind = 'IMAGING' AND a.attribute_name IN ('DIAGNOSTIC_TYPE', 'RESULT'))
        AND NOT (a.kind = 'STATUS' AND a.attribute_name = 'STATUS')
)

SELECT
    m._pointer,
    0 AS _part,
    m.PATIENT_ID AS person,
    m.started AS start,
    m.stopped AS "end",
    m.code,
    m.code_system,
    m.domain,
    m.value AS value_text,
    CASE WHEN TRY_CAST(m.value AS DOUBLE) IS NOT NULL THEN m.value END AS value_number,
    CASE WHEN TRY_CAST(m.value AS DOUBLE) IS NULL THEN m.value END AS value_code,
    'CBIOPORTAL_VALUE' AS value_system,
    m.unit,
    m.episode,
    'registry' AS type
FROM main AS m
UNION ALL
SELECT
    f._pointer,
    row_number() OVER (PARTITION BY f._pointer.record ORDER BY f.attribute_name),
    f.PATIENT_ID,
    f.started,
    NULL,
    f.code,
    'CBIOPORTAL_ATTRIBUTE',
    'Observation',
    f.value,
    CASE WHEN TRY_CAST(f.value AS DOUBLE) IS NOT NULL THEN f.value END,
    CASE WHEN TRY_CAST(f.value AS DOUBLE) IS NULL THEN f.value END,
    'CBIOPORTAL_VALUE',
    NULL,
    NULL,
    'registry'
FROM further AS f
WHERE f.value IS NOT NULL
