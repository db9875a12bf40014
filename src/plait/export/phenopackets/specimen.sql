-- One row: a specimen as a biosample. What the source says of its site and the state of the disease, and the vocabulary does not, is its description.
SELECT
    s.person_id,
    s.specimen_id AS row_id,
    t.id AS type_id,
    t.label AS type_label,
    a.id AS site_id,
    a.label AS site_label,
    coalesce(p.id, d.id) AS progression_id,
    coalesce(p.label, d.label) AS progression_label,
    moment(s.specimen_datetime, s.specimen_date) AS taken,
    nullif(
        concat_ws(
            '; ',
            CASE WHEN a.id IS NULL THEN s.anatomic_site_source_value END,
            CASE WHEN coalesce(p.id, d.id) IS NULL THEN s.disease_status_source_value END
        ), ''
    ) AS about,
    'biosamples' AS place,
    CAST(NULL AS VARCHAR) AS reason
FROM leaving_specimen AS s
LEFT JOIN term AS t ON s.specimen_concept_id = t.concept_id
LEFT JOIN term AS a ON s.anatomic_site_concept_id = a.concept_id
LEFT JOIN term AS d ON s.disease_status_concept_id = d.concept_id
LEFT JOIN word AS p ON p.kind = 'progression' AND p.text = upper(trim(s.disease_status_source_value))
