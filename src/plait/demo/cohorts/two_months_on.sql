-- Rows of the demo's cohort: everybody sixty days after the cancer was staged, when the laboratory has reported.
-- One row per patient with a stage.
SELECT
    person_id,
    min(measurement_datetime) + INTERVAL 60 DAY AS prediction_time
FROM cdm.measurement
WHERE measurement_source_value = '21908-9' -- LOINC: stage group.clinical Cancer
GROUP BY person_id
