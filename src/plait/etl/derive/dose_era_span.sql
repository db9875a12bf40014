-- One row: a drug exposure and an ingredient of the drug with a known daily dose; its end is that of drug_era_span.
SELECT
    person_id,
    {'ingredient_concept_id': ingredient_concept_id, 'unit_concept_id': unit_concept_id, 'dose': daily_dose} AS series,
    drug_exposure_start_date AS start,
    greatest(
        coalesce(
            drug_exposure_end_date,
            CASE WHEN days_supply > 0 THEN drug_exposure_start_date + CAST(days_supply AS INTEGER) END,
            drug_exposure_start_date + 1
        ),
        drug_exposure_start_date
    ) AS "end",
    'drug_exposure' AS from_table,
    drug_exposure_id AS from_row_id
FROM exposure_dose
WHERE daily_dose > 0
