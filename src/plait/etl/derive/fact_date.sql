-- One row: a fact of a person with its dates, a drug's only as far as they were delivered.
SELECT
    person_id,
    condition_start_date AS start,
    condition_end_date AS "end",
    'condition_occurrence' AS from_table,
    condition_occurrence_id AS from_row_id
FROM condition_occurrence
UNION ALL
SELECT
    person_id,
    drug_exposure_start_date,
    verbatim_end_date,
    'drug_exposure',
    drug_exposure_id
FROM drug_exposure
UNION ALL
SELECT
    person_id,
    procedure_date,
    procedure_end_date,
    'procedure_occurrence',
    procedure_occurrence_id
FROM procedure_occurrence
UNION ALL
SELECT
    person_id,
    device_exposure_start_date,
    device_exposure_end_date,
    'device_exposure',
    device_exposure_id
FROM device_exposure
UNION ALL
SELECT
    person_id,
    measurement_date,
    NULL,
    'measurement',
    measurement_id
FROM measurement
UNION ALL
SELECT
    person_id,
    observation_date,
    NULL,
    'observation',
    observation_id
FROM observation
UNION ALL
SELECT
    person_id,
    specimen_date,
    NULL,
    'specimen',
    specimen_id
FROM specimen
