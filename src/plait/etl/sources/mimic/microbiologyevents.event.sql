-- One row: what a culture found (an organism, or nothing), and what an antibiotic does to it. Records of one isolate repeat the finding, one
-- for each antibiotic: it counts once.
SELECT
    m._pointer,
    m.fact.part AS _part,
    m.subject_id AS person,
    m.hadm_id AS visit,
    m.order_provider_id AS provider,
    coalesce(m.charttime, m.chartdate) AS start,
    coalesce(m.storetime, m.storedate) AS known_time,
    m.fact.code AS code,
    m.fact.code_system AS code_system,
    m.fact.display AS display,
    'Measurement' AS domain,
    m.fact.value AS value_text,
    m.fact.value_code AS value_code,
    m.fact.value_system AS value_system,
    m.fact.number AS value_number,
    m.fact.operator AS operator,
    'lab' AS type,
    CASE
        WHEN m.fact.part = 0
            THEN concat_ws('|', m.micro_specimen_id, coalesce(m.test_itemid, m.test_name), m.org_itemid, m.org_name, m.isolate_num, m.fact.value)
    END AS _merge_key,
    CASE WHEN m.fact.code IS NULL THEN 'no_antibiotic' END AS _ignore
FROM (
    SELECT
        *,
        unnest([
            {
                'part': 0,
                'code': coalesce(test_itemid, test_name),
                'code_system': CASE WHEN test_itemid IS NULL THEN 'mimic:microbiology' ELSE 'mimic:itemid' END,
                'display': concat_ws(', ', test_name, spec_type_desc),
                'value': coalesce(org_name, comments),
                'value_code': org_itemid,
                'value_system': 'mimic:itemid',
                'number': CAST(NULL AS VARCHAR),
                'operator': CAST(NULL AS VARCHAR)
            },
            {
                'part': 1,
                'code': ab_itemid,
                'code_system': 'mimic:itemid',
                'display': concat_ws(', ', ab_name, org_name),
                'value': interpretation,
                'value_code': interpretation,
                'value_system': 'mimic:interpretation',
                'number': dilution_value,
                'operator': replace(trim(dilution_comparison), '=>', '>=')
            }
        ]) AS fact
    FROM microbiologyevents
) AS m
