-- One row: a part of a visit. CDM 5.3 has other names for where a person came from and went to, and for the part that it is
-- a part of. A visit without an end ends when it begins, as CDM 5.4 requires an end.
SELECT
    _pointer,
    coalesce(cdm_id(person_id), person_id) AS person,
    cdm_time(visit_detail_start_date, visit_detail_start_datetime) AS start,
    cdm_time(visit_detail_end_date, visit_detail_end_datetime) AS "end",
    visit_detail_id,
    visit_detail_concept_id,
    coalesce(cdm_day(visit_detail_start_date), cdm_day(visit_detail_start_datetime)) AS visit_detail_start_date,
    visit_detail_start_datetime,
    coalesce(
        cdm_day(visit_detail_end_date), cdm_day(visit_detail_end_datetime), cdm_day(visit_detail_start_date), cdm_day(visit_detail_start_datetime)
    ) AS visit_detail_end_date,
    visit_detail_end_datetime,
    visit_detail_type_concept_id,
    provider_id,
    care_site_id,
    visit_detail_source_value,
    visit_detail_source_concept_id,
    coalesce(admitted_from_concept_id, admitting_source_concept_id) AS admitted_from_concept_id,
    coalesce(admitted_from_source_value, admitting_source_value) AS admitted_from_source_value,
    coalesce(discharged_to_source_value, discharge_to_source_value) AS discharged_to_source_value,
    coalesce(discharged_to_concept_id, discharge_to_concept_id) AS discharged_to_concept_id,
    preceding_visit_detail_id,
    coalesce(parent_visit_detail_id, visit_detail_parent_id) AS parent_visit_detail_id,
    visit_occurrence_id
FROM visit_detail
