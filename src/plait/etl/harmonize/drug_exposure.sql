-- One row: a drug given or prescribed. An end that is not told follows from the days supplied, else it is
-- the start (OMOP CDM v5.4, DRUG_EXPOSURE_END_DATE).
SELECT
    row_id AS drug_exposure_id,
    person_id,
    concept_id AS drug_concept_id,
    CAST(start AS DATE) AS drug_exposure_start_date,
    start AS drug_exposure_start_datetime,
    coalesce(CAST("end" AS DATE), CAST(start AS DATE) + greatest(CAST(days_supply AS INTEGER) - 1, 0), CAST(start AS DATE)) AS drug_exposure_end_date,
    "end" AS drug_exposure_end_datetime,
    CAST("end" AS DATE) AS verbatim_end_date,
    type_concept_id AS drug_type_concept_id,
    stop_reason,
    CAST(refills AS BIGINT) AS refills,
    quantity,
    CAST(days_supply AS BIGINT) AS days_supply,
    sig,
    route_concept_id,
    CAST(NULL AS VARCHAR) AS lot_number,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    coalesce(source_value, code) AS drug_source_value,
    source_concept_id AS drug_source_concept_id,
    route AS route_source_value,
    unit AS dose_unit_source_value
FROM event_row
WHERE target_table = 'drug_exposure'
