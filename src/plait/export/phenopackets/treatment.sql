-- One row: an interval of a treatment: a drug by one route and from one kind of record.
SELECT
    person_id,
    id,
    label,
    route_id,
    route_label,
    drug_type,
    began,
    ended,
    quantity
FROM told_drug
WHERE place IS NOT NULL
