-- One row: an attribute of a patient. What tells of the follow-up was found at the last contact, and known when all that
-- it may tell of had happened; the rest was found at the diagnosis.
WITH attribute AS (
    SELECT
        p._pointer,
        p.PATIENT_ID,
        unnest(json_keys(to_json(p))) AS attribute_name,
        to_json(p) AS record
    FROM (SELECT * FROM patient) AS p
),

valued AS (
    SELECT
        a._pointer,
        a.PATIENT_ID,
        a.attribute_name,
        json_extract_string(a.record, a.attribute_name) AS value,
        regexp_matches(a.attribute_name, '^(OS|DFS|PFS|DSS|EFS|RFS)_|^LAST_|^DEATH_|^METASTASIS|VITAL|METASTATIC|FOLLOW|_FUP') AS is_follow_up
    FROM attribute AS a
    WHERE a.attribute_name NOT IN ('_pointer', 'PATIENT_ID')
),

diagnosis AS (
    SELECT
        PATIENT_ID,
        min(TRY_CAST(DIAGNOSIS_MONTHS AS DOUBLE)) AS months
    FROM sample
    GROUP BY PATIENT_ID
),

last_contact AS (
    SELECT
        p.PATIENT_ID,
        CASE
            WHEN p.LAST_CONTACT_DAYS IS NOT NULL THEN concat(p.LAST_CONTACT_DAYS, ' days')
            ELSE concat(coalesce(d.months, 0) + coalesce(TRY_CAST(p.OS_MONTHS AS DOUBLE), 0), ' months')
        END AS start,
        concat(
            greatest(
                coalesce(TRY_CAST(p.LAST_CONTACT_DAYS AS DOUBLE) / 30.4375, 0),
                coalesce(d.months, 0) + coalesce(TRY_CAST(p.OS_MONTHS AS DOUBLE), 0),
                coalesce(TRY_CAST(p.METASTASIS_MONTHS AS DOUBLE), 0),
                coalesce(TRY_CAST(p.DEATH_MONTHS AS DOUBLE), 0)
            ),
            ' months'
        ) AS known_time
    FROM patient AS p
    LEFT JOIN diagnosis AS d ON p.PATIENT_ID = d.PATIENT_ID
    QUALIFY row_number() OVER (PARTITION BY p.PATIENT_ID ORDER BY p._pointer.record) = 1
)

SELECT
    v._pointer,
    row_number() OVER (PARTITION BY v._pointer.record ORDER BY v.attribute_name) AS _part,
    v.PATIENT_ID AS person,
    CASE WHEN v.is_follow_up THEN l.start ELSE concat(coalesce(d.months, 0), ' months') END AS start,
    CASE WHEN v.is_follow_up THEN l.known_time END AS known_time,
    v.attribute_name AS code,
    'CBIOPORTAL_ATTRIBUTE' AS code_system,
    v.attribute_name AS display,
    CASE WHEN regexp_matches(v.attribute_name, 'STAGE|GRADE|HER2|RECEPTOR|(^|_)(ER|PR|HR)_|TMB|MSI') THEN 'Measurement' ELSE 'Observation' END AS domain,
    v.value AS value_text,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NOT NULL THEN v.value END AS value_number,
    CASE WHEN TRY_CAST(v.value AS DOUBLE) IS NULL THEN v.value END AS value_code,
    'CBIOPORTAL_VALUE' AS value_system,
    CASE WHEN NOT v.is_follow_up THEN concat(v.PATIENT_ID, '/diagnosis') END AS episode,
    CASE WHEN NOT v.is_follow_up THEN concat(v.PATIENT_ID, '/diagnosis') END AS modifies,
    'registry' AS type,
    CASE WHEN v.value IS NULL THEN 'no_value' END AS _ignore
FROM valued AS v
LEFT JOIN diagnosis AS d ON v.PATIENT_ID = d.PATIENT_ID
LEFT JOIN last_contact AS l ON v.PATIENT_ID = l.PATIENT_ID
