-- One row: a measurement outside of admissions; a blood pressure is two. The unit stands in the result's name.
SELECT
    o._pointer,
    o.fact.part AS _part,
    o.subject_id AS person,
    o.chartdate AS start,
    o.fact.code AS code,
    'mimic:omr' AS code_system,
    'Measurement' AS domain,
    o.fact.value AS value_text,
    o.fact.value AS value_number,
    CASE
        WHEN o.result_name LIKE '%(Lbs)%' THEN '[lb_av]'
        WHEN o.result_name LIKE '%(Inches)%' THEN '[in_i]'
        WHEN o.result_name LIKE '%(kg/m2)%' THEN 'kg/m2'
        WHEN o.result_name LIKE 'Blood Pressure%' THEN 'mm[Hg]'
    END AS unit,
    'ehr' AS type,
    CASE WHEN o.fact.code IS NULL THEN 'one_value' END AS _ignore
FROM (
    SELECT
        *,
        CASE
            WHEN regexp_full_match(result_value, '[0-9]+/[0-9]+')
                THEN
                    unnest([
                        {'part': 0, 'code': result_name || ' (systolic)', 'value': split_part(result_value, '/', 1)},
                        {'part': 1, 'code': result_name || ' (diastolic)', 'value': split_part(result_value, '/', 2)}
                    ])
            ELSE
                unnest([
                    {'part': 0, 'code': result_name, 'value': result_value},
                    {'part': 1, 'code': CAST(NULL AS VARCHAR), 'value': CAST(NULL AS VARCHAR)}
                ])
        END AS fact
    FROM omr
) AS o
