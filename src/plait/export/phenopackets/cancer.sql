-- One row: a person's only cancer: what tells of the cancer and points at no disease tells of this one. Of who has several, none.
SELECT
    person_id,
    min(id) AS id,
    min(label) AS label,
    min(began) AS began,
    min(histology_id) AS histology_id,
    min(histology_label) AS histology_label
FROM told_disease
WHERE is_cancer
GROUP BY person_id
HAVING count(*) = 1
