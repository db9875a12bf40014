-- One row: a specimen that a source declares, or that an event names.
SELECT
    specimen_id,
    person_id,
    concept_id AS specimen_concept_id,
    type_concept_id AS specimen_type_concept_id,
    CAST(start AS DATE) AS specimen_date,
    start AS specimen_datetime,
    quantity,
    unit_concept_id,
    site_concept_id AS anatomic_site_concept_id,
    status_concept_id AS disease_status_concept_id,
    specimen AS specimen_source_id,
    code AS specimen_source_value,
    unit AS unit_source_value,
    site AS anatomic_site_source_value,
    status AS disease_status_source_value
FROM specimen_row
UNION ALL
SELECT
    row_id AS specimen_id,
    person_id,
    concept_id AS specimen_concept_id,
    type_concept_id AS specimen_type_concept_id,
    CAST(start AS DATE) AS specimen_date,
    start AS specimen_datetime,
    quantity,
    unit_concept_id,
    modifier_concept_id AS anatomic_site_concept_id,
    status_concept_id AS disease_status_concept_id,
    CAST(NULL AS VARCHAR) AS specimen_source_id,
    coalesce(source_value, code) AS specimen_source_value,
    unit AS unit_source_value,
    modifier AS anatomic_site_source_value,
    status AS disease_status_source_value
FROM event_row
WHERE target_table = 'specimen'
