-- One row: a service that was billed by its HCPCS or CPT code; it was coded, and is known, after the discharge.
SELECT
    h._pointer,
    h.subject_id AS person,
    h.hadm_id AS visit,
    coalesce(h.chartdate, a.admittime) AS start,
    a.dischtime AS known_time,
    h.hcpcs_cd AS code,
    'HCPCS' AS code_system,
    h.short_description AS display,
    'Procedure' AS domain,
    'ehr_billing' AS type
FROM hcpcsevents AS h
LEFT JOIN (
    SELECT
        hadm_id,
        min(admittime) AS admittime,
        max(dischtime) AS dischtime
    FROM admissions
    GROUP BY hadm_id
) AS a ON h.hadm_id = a.hadm_id
