-- One row: an exposure to a drug, an interval of a treatment with it.
SELECT
    d.person_id,
    d.drug_exposure_id AS row_id,
    coalesce(t.id, o.id) AS id,
    coalesce(t.label, o.label) AS label,
    r.id AS route_id,
    r.label AS route_label,
    k.role AS drug_type,
    moment(d.drug_exposure_start_datetime, d.drug_exposure_start_date) AS began,
    moment(d.drug_exposure_end_datetime, d.drug_exposure_end_date) AS ended,
    d.quantity,
    CASE WHEN coalesce(t.id, o.id) IS NOT NULL THEN 'medicalActions.treatment' END AS place,
    CASE WHEN coalesce(t.id, o.id) IS NULL THEN 'no concept' END AS reason
FROM leaving_drug_exposure AS d
LEFT JOIN term AS t ON d.drug_concept_id = t.concept_id
LEFT JOIN term AS o ON d.drug_source_concept_id = o.concept_id
LEFT JOIN term AS r ON d.route_concept_id = r.concept_id
LEFT JOIN known AS k ON d.drug_type_concept_id = k.concept_id AND k.role = upper(k.role)
