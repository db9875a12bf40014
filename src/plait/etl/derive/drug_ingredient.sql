-- drug_ingredient, one row: a drug of the study and a standard ingredient in it, by CONCEPT_ANCESTOR.
CREATE OR REPLACE TABLE drug_ingredient AS
SELECT DISTINCT
    a.descendant_concept_id AS drug_concept_id,
    a.ancestor_concept_id AS ingredient_concept_id
FROM vocabulary.concept_ancestor AS a
INNER JOIN vocabulary.concept AS c ON a.ancestor_concept_id = c.concept_id
WHERE
    c.concept_class_id = 'Ingredient'
    AND c.standard_concept = 'S'
    AND a.descendant_concept_id IN (SELECT u.drug_concept_id FROM used_drug AS u WHERE u.drug_concept_id != 0);

-- ingredient_strength, one row: a drug of the study, an ingredient, how much of it is in the drug, and how a quantity
-- of the drug is to be read (OMOP CDM, "How to Calculate Drug Dose"):
--   piece          the strength is of a piece (a tablet, a puff): quantity counts pieces
--   rate           the strength is by the hour (a patch): the daily dose is 24 hours' worth, whatever the quantity
--   pack           the strength is of a pack of so many mL or mg: quantity counts packs, unless its unit says mL or mg
--   concentration  the strength is by mL or mg: quantity is in that unit, and only if its own unit says so
--   several        there are several strengths: none is used
CREATE OR REPLACE TABLE ingredient_strength AS
WITH strength AS (
    SELECT
        s.*,
        u.concept_code AS denominator_unit,
        count(*) OVER (PARTITION BY s.drug_concept_id, s.ingredient_concept_id) AS rivals
    FROM vocabulary.drug_strength AS s
    LEFT JOIN vocabulary.concept AS u ON s.denominator_unit_concept_id = u.concept_id AND u.vocabulary_id = 'UCUM'
    WHERE s.invalid_reason IS NULL AND s.drug_concept_id IN (SELECT d.drug_concept_id FROM used_drug AS d)
)

SELECT DISTINCT
    drug_concept_id,
    ingredient_concept_id,
    CASE
        WHEN rivals > 1 THEN 'several'
        WHEN amount_value IS NOT NULL OR denominator_unit = '{actuat}' THEN 'piece'
        WHEN denominator_unit = 'h' THEN 'rate'
        WHEN denominator_value IS NOT NULL THEN 'pack'
        ELSE 'concentration'
    END AS form,
    CASE WHEN rivals = 1 THEN coalesce(amount_value, numerator_value) END AS strength,
    CASE WHEN rivals = 1 THEN coalesce(denominator_value, 1) END AS per,
    CASE WHEN rivals = 1 THEN denominator_unit END AS per_unit,
    CASE WHEN rivals = 1 AND amount_value IS NOT NULL THEN amount_unit_concept_id WHEN rivals = 1 THEN numerator_unit_concept_id END AS unit_concept_id
FROM strength;

-- quantity_unit, one row: a UCUM unit that measures, so that a quantity in it counts no pieces.
CREATE OR REPLACE TABLE quantity_unit AS
SELECT DISTINCT concept_code AS unit
FROM vocabulary.concept
WHERE vocabulary_id = 'UCUM' AND concept_code != '1' AND NOT starts_with(concept_code, '{');
