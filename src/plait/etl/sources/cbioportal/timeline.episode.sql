-- One row: a treatment's regimen, which is the agents of one line or regimen where the study names it, else those that
-- began on one day, and is known when the last of them began; or a phase of the disease that a status tells of.
WITH told AS (
    SELECT
        t._pointer,
        t.PATIENT_ID,
        t.START_DATE,
        t.STOP_DATE,
        t.AGENT,
        t.TREATMENT_LINE,
        coalesce(t.TREATMENT_LINE, t.REGIMEN, t.START_DATE) AS regimen,
        upper(t.EVENT_TYPE) = 'TREATMENT' AS is_treatment,
        CASE
            WHEN upper(t.EVENT_TYPE) != 'STATUS' THEN NULL
            WHEN lower(t.STATUS) IN ('progression', 'progressed', 'progressive disease', 'disease progression') THEN 'progression'
            WHEN lower(t.STATUS) IN ('recurrence', 'recurred', 'relapse', 'local recurrence', 'regional recurrence', 'distant recurrence') THEN 'recurrence'
            WHEN lower(t.STATUS) IN ('remission', 'complete remission', 'partial remission') THEN 'remission'
            WHEN lower(t.STATUS) IN ('metastasis', 'metastatic disease', 'distant metastasis') THEN 'metastasis'
        END AS phase
    FROM timeline AS t
),

regimen AS (
    SELECT
        PATIENT_ID,
        regimen,
        min(TRY_CAST(START_DATE AS DOUBLE)) AS started,
        max(TRY_CAST(START_DATE AS DOUBLE)) AS complete,
        CASE WHEN bool_and(STOP_DATE IS NOT NULL) THEN max(TRY_CAST(STOP_DATE AS DOUBLE)) END AS stopped,
        string_agg(DISTINCT AGENT, ' + ' ORDER BY AGENT) AS agents
    FROM told
    WHERE is_treatment
    GROUP BY PATIENT_ID, regimen
),

diagnosis AS (
    SELECT
        PATIENT_ID,
        min(ONCOTREE_CODE) AS disease
    FROM sample
    GROUP BY PATIENT_ID
)

SELECT
    t._pointer,
    t.PATIENT_ID AS person,
    concat(t.PATIENT_ID, CASE WHEN t.is_treatment THEN concat('/treatment/', t.regimen) ELSE concat('/', t.phase, '/', t.START_DATE) END) AS episode,
    coalesce(CASE WHEN t.is_treatment THEN CAST(r.started AS VARCHAR) END, t.START_DATE) || ' days' AS start,
    CASE
        WHEN t.is_treatment THEN CAST(r.stopped AS VARCHAR) || ' days'
        ELSE t.STOP_DATE || ' days'
    END AS "end",
    CASE WHEN t.is_treatment THEN CAST(r.complete AS VARCHAR) || ' days' END AS known_time,
    coalesce(t.phase, 'treatment') AS code,
    'CBIOPORTAL_EPISODE' AS code_system,
    CASE WHEN t.is_treatment THEN r.agents END AS display,
    CASE WHEN t.is_treatment THEN r.agents ELSE d.disease END AS object,
    CASE WHEN t.is_treatment THEN 'CBIOPORTAL_REGIMEN' ELSE 'ONCOTREE' END AS object_system,
    concat(t.PATIENT_ID, '/diagnosis') AS parent,
    CASE WHEN t.is_treatment AND TRY_CAST(t.TREATMENT_LINE AS INTEGER) IS NOT NULL THEN t.TREATMENT_LINE END AS number,
    'registry' AS type,
    CASE WHEN t.is_treatment THEN t.regimen ELSE concat(t.phase, '/', t.START_DATE) END AS _merge_key,
    CASE WHEN NOT t.is_treatment AND t.phase IS NULL THEN 'no_episode' END AS _ignore
FROM told AS t
LEFT JOIN regimen AS r ON t.PATIENT_ID = r.PATIENT_ID AND t.regimen = r.regimen
LEFT JOIN diagnosis AS d ON t.PATIENT_ID = d.PATIENT_ID
