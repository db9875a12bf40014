-- One row: an observation; the unit 'null' is Synthea's way to say none, and only TYPE numeric is a number. Where an unmapped code goes
-- follows from its CATEGORY, as in FHIR, whose categories these are.
SELECT
    _pointer,
    PATIENT AS person,
    ENCOUNTER AS visit,
    DATE AS start,
    CODE AS code,
    'LOINC' AS code_system,
    DESCRIPTION AS display,
    CASE WHEN CATEGORY IN ('social-history', 'survey', 'exam', 'therapy', 'imaging', 'procedure') THEN 'Observation' ELSE 'Measurement' END AS domain,
    VALUE AS value_text,
    CASE WHEN coalesce(TYPE, 'numeric') = 'numeric' THEN VALUE END AS value_number,
    nullif(UNITS, 'null') AS unit,
    'ehr_encounter_record' AS type
FROM observations
