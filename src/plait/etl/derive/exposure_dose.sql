-- One row: a drug exposure and an ingredient of the drug with the daily dose, or with the reason why there is none.
-- A quantity is only multiplied with a strength whose unit it fits: see drug_ingredient.
WITH judged AS (
    SELECT
        d.*,
        s.ingredient_concept_id,
        s.unit_concept_id,
        s.form,
        s.strength,
        s.per,
        d.dose_unit_source_value = s.per_unit AS is_in_unit,
        CASE
            WHEN s.form IS NULL THEN 'no_strength'
            WHEN s.form = 'several' THEN 'several_strengths'
            WHEN s.strength IS NULL OR s.strength <= 0 OR s.unit_concept_id IS NULL THEN 'no_strength'
            WHEN s.form = 'rate' THEN NULL
            WHEN d.quantity IS NULL OR d.quantity <= 0 THEN 'no_quantity'
            WHEN d.days_supply IS NULL OR d.days_supply <= 0 THEN 'no_days_supply'
            WHEN s.form IN ('pack', 'concentration') AND d.dose_unit_source_value = s.per_unit THEN NULL
            WHEN s.form = 'concentration' OR q.unit IS NOT NULL THEN 'unclear_unit'
        END AS reason
    FROM drug_exposure AS d
    LEFT JOIN ingredient_strength AS s ON d.drug_concept_id = s.drug_concept_id
    LEFT JOIN quantity_unit AS q ON d.dose_unit_source_value = q.unit
    WHERE d.drug_exposure_start_date IS NOT NULL
)

SELECT
    drug_exposure_id,
    person_id,
    ingredient_concept_id,
    unit_concept_id,
    round(
        CASE
            WHEN reason IS NOT NULL THEN NULL
            WHEN form = 'rate' THEN strength / per * 24
            WHEN form IN ('pack', 'concentration') AND is_in_unit THEN strength / per * quantity / days_supply
            ELSE strength * quantity / days_supply
        END,
        9
    ) AS daily_dose,
    reason,
    drug_exposure_start_date,
    drug_exposure_end_date,
    days_supply
FROM judged
