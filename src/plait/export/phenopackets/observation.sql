-- One row: an observation: with a value it is told as a measurement, a finding without one as a feature, a side as a part of the disease.
WITH coded AS (
    SELECT
        o.person_id,
        o.observation_id AS row_id,
        moment(o.observation_datetime, o.observation_date) AS observed,
        coalesce(t.id, n.id, s.id) AS assay_id,
        coalesce(t.label, n.label, s.label) AS assay_label,
        coalesce(t.is_sign_or_disorder, n.is_sign_or_disorder, FALSE) AS is_finding,
        CASE WHEN isfinite(o.value_as_number) THEN o.value_as_number END AS value_number,
        coalesce(w.id, v.id, g.id) AS value_id,
        coalesce(w.label, v.label, g.label) AS value_label,
        u.id AS unit_id,
        u.label AS unit_label,
        coalesce(o.value_as_string, o.value_source_value) IS NOT NULL AS has_text,
        coalesce(o.qualifier_concept_id, 0) <> 0 AS is_qualified,
        CASE WHEN s.role = 'laterality' AND w.id IS NOT NULL THEN d.id END AS disease_id
    FROM leaving_observation AS o
    LEFT JOIN term AS t ON o.observation_concept_id = t.concept_id
    LEFT JOIN term AS n ON o.observation_source_concept_id = n.concept_id
    LEFT JOIN term AS v ON o.value_as_concept_id = v.concept_id
    LEFT JOIN term AS u ON o.unit_concept_id = u.concept_id
    LEFT JOIN meaning AS s ON (s.vocabulary_id = 'source' AND o.observation_source_value = s.code)
    LEFT JOIN word AS w ON s.role = w.kind AND w.text = role_text(s.role, coalesce(o.value_as_string, o.value_source_value))
    LEFT JOIN word AS g ON g.kind = 'value' AND g.text = sign_text(coalesce(o.value_as_string, o.value_source_value))
    LEFT JOIN known AS e ON o.obs_event_field_concept_id = e.concept_id
    LEFT JOIN told_condition AS d ON e.role = 'condition_field' AND o.observation_event_id = d.row_id AND d.place = 'diseases'
),

placed AS (
    SELECT
        *,
        disease_id IS NOT NULL AND min(value_id) OVER same = max(value_id) OVER same AS is_side
    FROM coded
    WINDOW same AS (PARTITION BY person_id, disease_id)
)

SELECT
    * EXCLUDE (is_side),
    CASE
        WHEN is_side THEN 'diseases.laterality'
        WHEN assay_id IS NULL OR is_qualified THEN NULL
        WHEN value_number IS NOT NULL OR value_id IS NOT NULL THEN 'measurements'
        WHEN is_finding AND NOT has_text THEN 'phenotypicFeatures'
    END AS place,
    CASE
        WHEN is_side THEN NULL
        WHEN assay_id IS NULL THEN 'no concept'
        WHEN is_qualified THEN 'not asserted as it stands: it has a qualifier'
        WHEN value_number IS NOT NULL OR value_id IS NOT NULL THEN NULL
        WHEN has_text THEN 'no value that is a number or a concept'
        WHEN NOT is_finding THEN 'neither a value nor a finding'
    END AS reason
FROM placed
