-- One row: what MIMIC says of a patient beside sex and age: the years in which anchor_year really was, and that somebody was older than 89
-- then. They stand at the first admission, or at the end of anchor_year where there is none.
SELECT
    p._pointer,
    p.fact.part AS _part,
    p.subject_id AS person,
    coalesce(a.admittime, p.anchor_year || '-12-31') AS start,
    p.fact.code AS code,
    'mimic:patient' AS code_system,
    p.fact.words AS display,
    'Observation' AS domain,
    p.fact.value AS value_text,
    'ehr' AS type,
    CASE WHEN p.fact.value IS NULL THEN 'not_told' END AS _ignore
FROM (
    SELECT
        *,
        unnest([
            {'part': 0, 'code': 'anchor_year_group', 'words': 'years in which anchor_year was', 'value': anchor_year_group},
            {
                'part': 1,
                'code': 'over_89',
                'words': 'older than 89 years in anchor_year',
                'value': CASE WHEN TRY_CAST(anchor_age AS INTEGER) > 89 THEN anchor_year END
            }
        ]) AS fact
    FROM patients
) AS p
LEFT JOIN (SELECT subject_id, min(admittime) AS admittime FROM admissions GROUP BY subject_id) AS a ON p.subject_id = a.subject_id
