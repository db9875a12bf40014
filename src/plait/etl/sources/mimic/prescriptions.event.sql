-- One row: a drug that was prescribed, by its NDC where there is one, else by name; it is known when the pharmacy entered the order. One that
-- has no start began with the admission, as far as anybody knows.
SELECT
    p._pointer,
    p.subject_id AS person,
    p.hadm_id AS visit,
    p.order_provider_id AS provider,
    coalesce(p.starttime, a.admittime) AS start,
    CASE WHEN p.stoptime >= coalesce(p.starttime, a.admittime) THEN p.stoptime END AS "end",
    f.entertime AS known_time,
    coalesce(plait_ndc(p.ndc), p.drug) AS code,
    CASE WHEN plait_ndc(p.ndc) IS NULL THEN 'mimic:drug' ELSE 'NDC' END AS code_system,
    CASE WHEN plait_ndc(p.ndc) IS NOT NULL THEN p.drug END AS alternative,
    'mimic:drug' AS alternative_system,
    coalesce(plait_ndc(p.ndc), p.drug) AS source_value,
    concat_ws(' ', p.drug, p.prod_strength) AS display,
    'Drug' AS domain,
    p.form_val_disp AS quantity,
    p.route,
    'mimic:route' AS route_system,
    nullif(concat_ws(' ', p.dose_val_rx, p.dose_unit_rx, f.frequency), '') AS sig,
    CASE WHEN f.status LIKE 'Discontinued%' THEN f.status END AS stop_reason,
    'ehr_prescription' AS type
FROM prescriptions AS p
LEFT JOIN (SELECT hadm_id, min(admittime) AS admittime FROM admissions GROUP BY hadm_id) AS a ON p.hadm_id = a.hadm_id
LEFT JOIN (
    SELECT
        pharmacy_id,
        min(entertime) AS entertime,
        min(frequency) AS frequency,
        min(status) AS status
    FROM pharmacy
    GROUP BY pharmacy_id
) AS f ON p.pharmacy_id = f.pharmacy_id
