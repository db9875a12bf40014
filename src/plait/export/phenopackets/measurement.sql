-- One row: a measurement, with what it is a measurement of, its value as a number or a term, and where it is told: a stage, a category of TNM or a
-- side belongs to the disease that it points at or to the person's only cancer, what a pathologist found to the specimen, all else is a measurement.
WITH coded AS (
    SELECT
        m.person_id,
        m.measurement_id AS row_id,
        moment(m.measurement_datetime, m.measurement_date) AS observed,
        coalesce(t.id, o.id, s.id) AS assay_id,
        coalesce(t.label, o.label, s.label) AS assay_label,
        CASE WHEN isfinite(m.value_as_number) THEN m.value_as_number END AS value_number,
        coalesce(v.id, g.id) AS concept_value_id,
        coalesce(v.label, g.label) AS concept_value_label,
        u.id AS unit_id,
        u.label AS unit_label,
        m.range_low AS low,
        m.range_high AS high,
        CASE WHEN m.operator_concept_id NOT IN (SELECT k.concept_id FROM known AS k WHERE k.role = 'equal') THEN p.label END AS operator,
        coalesce(a.role, s.role, b.role, x.role) AS role,
        coalesce(a.how, s.how, b.how, x.how) AS how,
        coalesce(x.written, v.label, m.value_source_value) AS written,
        m.value_source_value AS other_written,
        m.measurement_event_id AS event_id,
        e.role AS event_role
    FROM leaving_measurement AS m
    LEFT JOIN term AS t ON m.measurement_concept_id = t.concept_id
    LEFT JOIN term AS o ON m.measurement_source_concept_id = o.concept_id
    LEFT JOIN term AS v ON m.value_as_concept_id = v.concept_id
    LEFT JOIN term AS u ON m.unit_concept_id = u.concept_id
    LEFT JOIN term AS p ON m.operator_concept_id = p.concept_id
    LEFT JOIN meaning AS a ON t.vocabulary_id = a.vocabulary_id AND t.concept_code = a.code
    LEFT JOIN meaning AS b ON o.vocabulary_id = b.vocabulary_id AND o.concept_code = b.code
    LEFT JOIN meaning AS s ON s.vocabulary_id = 'source' AND m.measurement_source_value = s.code
    LEFT JOIN modifier AS x ON m.measurement_concept_id = x.concept_id
    LEFT JOIN word AS g ON g.kind = 'value' AND g.text = sign_text(m.value_source_value)
    LEFT JOIN known AS e ON m.meas_event_field_concept_id = e.concept_id
),

linked AS (
    SELECT
        c.* EXCLUDE (written, other_written),
        coalesce(pw.id, w.id, ow.id, c.concept_value_id) AS value_id,
        coalesce(pw.label, w.label, ow.label, c.concept_value_label) AS value_label,
        CASE WHEN c.event_role = 'condition_field' THEN d.id WHEN c.event_id IS NULL THEN y.id END AS disease_id,
        CASE WHEN c.event_role = 'specimen_field' THEN c.event_id ELSE z.specimen_id END AS specimen_id
    FROM coded AS c
    LEFT JOIN word AS pw ON c.how = 'pathological' AND pw.kind = 'pathological' AND pw.text = role_text(c.role, c.written)
    LEFT JOIN word AS w ON w.kind = CASE WHEN c.role IN ('T', 'N', 'M') THEN 'tnm' ELSE c.role END AND w.text = role_text(c.role, c.written)
    LEFT JOIN word AS ow ON ow.kind = CASE WHEN c.role IN ('T', 'N', 'M') THEN 'tnm' ELSE c.role END AND ow.text = role_text(c.role, c.other_written)
    LEFT JOIN told_condition AS d ON c.event_role = 'condition_field' AND c.event_id = d.row_id AND d.place = 'diseases'
    LEFT JOIN cancer AS y ON c.person_id = y.person_id
    LEFT JOIN sample_time AS z ON c.person_id = z.person_id AND c.observed = z.taken AND (c.role = 'grade' OR c.how = 'pathological')
),

placed AS (
    SELECT
        *,
        CASE
            WHEN value_id IS NULL THEN NULL
            WHEN role IN ('T', 'N', 'M') AND how <> 'pathological' AND disease_id IS NOT NULL THEN 'diseases.clinicalTnmFinding'
            WHEN role IN ('T', 'N', 'M') AND how = 'pathological' AND specimen_id IS NOT NULL THEN 'biosamples.pathologicalTnmFinding'
            WHEN role = 'stage' AND disease_id IS NOT NULL THEN 'diseases.diseaseStage'
            WHEN role = 'laterality' AND disease_id IS NOT NULL THEN 'diseases.laterality'
            WHEN role = 'grade' AND specimen_id IS NOT NULL THEN 'biosamples.tumorGrade'
        END AS special
    FROM linked
)

SELECT
    * EXCLUDE (special),
    CASE
        WHEN special IN ('diseases.laterality', 'biosamples.tumorGrade')
            AND min(value_id) OVER same <> max(value_id) OVER same THEN CASE WHEN assay_id IS NOT NULL THEN 'measurements' END
        WHEN special IS NOT NULL THEN special
        WHEN assay_id IS NOT NULL AND coalesce(CAST(value_number AS VARCHAR), value_id) IS NOT NULL THEN 'measurements'
    END AS place,
    CASE
        WHEN special IS NOT NULL THEN NULL
        WHEN assay_id IS NULL THEN 'no concept'
        WHEN value_number IS NULL AND value_id IS NULL THEN 'no value that is a number or a concept'
    END AS reason
FROM placed
WINDOW same AS (PARTITION BY person_id, special, CASE WHEN special = 'diseases.laterality' THEN disease_id ELSE CAST(specimen_id AS VARCHAR) END)
