-- One row: an episode: a regimen is a medical action; the first occurrence of a disease is when that began; any other is a feature (a metastasis).
WITH coded AS (
    SELECT
        e.person_id,
        e.episode_id AS row_id,
        k.role,
        coalesce(t.id, o.id, 'OMOP:' || k.concept_id) AS id,
        coalesce(t.label, o.label, k.note) AS label,
        j.id AS object_id,
        j.label AS object_label,
        moment(e.episode_start_datetime, e.episode_start_date) AS began,
        moment(e.episode_end_datetime, e.episode_end_date) AS ended,
        d.id IS NOT NULL AS is_of_disease
    FROM leaving_episode AS e
    LEFT JOIN term AS t ON e.episode_concept_id = t.concept_id
    LEFT JOIN term AS o ON e.episode_source_concept_id = o.concept_id
    LEFT JOIN term AS j ON e.episode_object_concept_id = j.concept_id
    LEFT JOIN known AS k ON e.episode_concept_id = k.concept_id
    LEFT JOIN told_disease AS d ON e.person_id = d.person_id AND j.id = d.id
)

SELECT
    *,
    CASE
        WHEN role = 'regimen' THEN 'medicalActions.therapeuticRegimen'
        WHEN role = 'first_occurrence' THEN CASE WHEN is_of_disease THEN 'diseases.onset' END
        WHEN id IS NOT NULL THEN 'phenotypicFeatures'
    END AS place,
    CASE
        WHEN role = 'first_occurrence' THEN CASE WHEN NOT is_of_disease THEN 'of a disease without a concept' END
        WHEN role IS NULL AND id IS NULL THEN 'no concept'
    END AS reason
FROM coded
