-- One row: a laboratory result; the sample was taken at charttime, and the result is known from storetime on. A value that stands in the
-- comments alone is read there. Items are MIMIC's own, with a LOINC code in versions that give one.
SELECT
    l._pointer,
    l.subject_id AS person,
    l.hadm_id AS visit,
    l.order_provider_id AS provider,
    coalesce(l.charttime, l.storetime) AS start,
    l.storetime AS known_time,
    l.itemid AS code,
    'mimic:itemid' AS code_system,
    i.loinc_code AS alternative,
    'LOINC' AS alternative_system,
    l.itemid AS source_value,
    concat_ws(', ', i.label, i.fluid) AS display,
    'Measurement' AS domain,
    coalesce(l.value, l.comments) AS value_text,
    l.valuenum AS value_number,
    nullif(regexp_extract(trim(l.value), '^(<=|>=|<|>)', 1), '') AS operator,
    trim(l.valueuom) AS unit,
    l.ref_range_lower AS range_low,
    l.ref_range_upper AS range_high,
    'lab' AS type
FROM labevents AS l
LEFT JOIN (
    SELECT
        itemid,
        min(label) AS label,
        min(fluid) AS fluid,
        min(loinc_code) AS loinc_code
    FROM d_labitems
    GROUP BY itemid
) AS i ON l.itemid = i.itemid
