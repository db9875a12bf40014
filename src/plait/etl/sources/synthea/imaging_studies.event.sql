-- One row: an image instance; one of a study stands for the imaging procedure, the others are rolled into it.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    DATE AS start,
    coalesce(PROCEDURE_CODE, MODALITY_CODE) AS code,
    CASE WHEN PROCEDURE_CODE IS NULL THEN 'DICOM' ELSE 'SNOMED-CT' END AS code_system,
    MODALITY_DESCRIPTION AS display,
    'Procedure' AS domain,
    BODYSITE_CODE AS modifier,
    'SNOMED-CT' AS modifier_system,
    'ehr_encounter_record' AS type,
    PATIENT || '/' || Id AS _merge_key
FROM imaging_studies
