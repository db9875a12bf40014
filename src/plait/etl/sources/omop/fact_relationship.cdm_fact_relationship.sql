-- One row: a relation of two facts of a person; the first of them says whose it is.
WITH fact AS (
    SELECT
        'visit_occurrence' AS table_name,
        visit_occurrence_id AS row_id,
        person_id
    FROM visit_occurrence
    UNION ALL
    SELECT
        'visit_detail',
        visit_detail_id,
        person_id
    FROM visit_detail
    UNION ALL
    SELECT
        'condition_occurrence',
        condition_occurrence_id,
        person_id
    FROM condition_occurrence
    UNION ALL
    SELECT
        'drug_exposure',
        drug_exposure_id,
        person_id
    FROM drug_exposure
    UNION ALL
    SELECT
        'procedure_occurrence',
        procedure_occurrence_id,
        person_id
    FROM procedure_occurrence
    UNION ALL
    SELECT
        'device_exposure',
        device_exposure_id,
        person_id
    FROM device_exposure
    UNION ALL
    SELECT
        'measurement',
        measurement_id,
        person_id
    FROM measurement
    UNION ALL
    SELECT
        'observation',
        observation_id,
        person_id
    FROM observation
    UNION ALL
    SELECT
        'specimen',
        specimen_id,
        person_id
    FROM specimen
    UNION ALL
    SELECT
        'note',
        note_id,
        person_id
    FROM note
    UNION ALL
    SELECT
        'episode',
        episode_id,
        person_id
    FROM episode
    UNION ALL
    SELECT
        'person',
        person_id AS row_id,
        person_id
    FROM person
),

owner AS (
    SELECT
        d.domain_concept_id,
        cdm_id(f.row_id) AS row_id,
        cdm_one(min(cdm_id(f.person_id)), max(cdm_id(f.person_id))) AS person
    FROM fact AS f
    INNER JOIN fact_domain AS d ON f.table_name = d.table_name
    GROUP BY d.domain_concept_id, cdm_id(f.row_id)
)

SELECT
    t._pointer,
    o.person,
    t.domain_concept_id_1,
    t.fact_id_1,
    t.domain_concept_id_2,
    t.fact_id_2,
    t.relationship_concept_id,
    CASE WHEN o.person IS NULL THEN 'unknown_owner' END AS _reject
FROM fact_relationship AS t
LEFT JOIN owner AS o ON cdm_id(t.domain_concept_id_1) = o.domain_concept_id AND cdm_id(t.fact_id_1) = o.row_id
