-- One row: an exposure to a drug. Where no end is told, which CDM 5.4 requires, it follows from the days supplied, else it is
-- the start (OMOP CDM v5.4, DRUG_EXPOSURE_END_DATE).
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(drug_exposure_start_date, drug_exposure_start_datetime) AS start,
    cdm_time(drug_exposure_end_date, drug_exposure_end_datetime) AS "end",
    drug_exposure_id,
    drug_concept_id,
    coalesce(cdm_day(drug_exposure_start_date), cdm_day(drug_exposure_start_datetime)) AS drug_exposure_start_date,
    drug_exposure_start_datetime,
    coalesce(
        cdm_day(drug_exposure_end_date),
        cdm_day(drug_exposure_end_datetime),
        CAST(
            CAST(plait_time(coalesce(cdm_day(drug_exposure_start_date), cdm_day(drug_exposure_start_datetime))) AS DATE)
            + CAST(least(greatest(coalesce(plait_whole(days_supply), 1), 1) - 1, 36525) AS INTEGER) AS VARCHAR
        )
    ) AS drug_exposure_end_date,
    drug_exposure_end_datetime,
    cdm_day(verbatim_end_date) AS verbatim_end_date,
    drug_type_concept_id,
    stop_reason,
    refills,
    quantity,
    days_supply,
    sig,
    route_concept_id,
    lot_number,
    provider_id,
    visit_occurrence_id,
    visit_detail_id,
    drug_source_value,
    drug_source_concept_id,
    route_source_value,
    dose_unit_source_value
FROM drug_exposure
