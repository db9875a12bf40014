-- One row: a drug exposure and an ingredient of the drug. Without an end it ends after its days of supply, else on the
-- day after its start (the order of OHDSI's script for DRUG_ERA); an end before the start counts as the start.
SELECT
    d.person_id,
    i.ingredient_concept_id AS series,
    d.drug_exposure_start_date AS start,
    greatest(
        coalesce(
            d.drug_exposure_end_date,
            CASE WHEN d.days_supply > 0 THEN d.drug_exposure_start_date + CAST(d.days_supply AS INTEGER) END,
            d.drug_exposure_start_date + 1
        ),
        d.drug_exposure_start_date
    ) AS "end",
    'drug_exposure' AS from_table,
    d.drug_exposure_id AS from_row_id
FROM drug_exposure AS d
INNER JOIN drug_ingredient AS i ON d.drug_concept_id = i.drug_concept_id
WHERE d.drug_exposure_start_date IS NOT NULL
