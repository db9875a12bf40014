-- covariate_unit, one row: a unit of UCUM that the vocabulary has, with what it measures: a number in it, times factor and
-- plus shift, is in the quantity's base. covariate_main_unit, one row: a quantity's unit, the first of the list that the
-- vocabulary has. covariate_analyte, one row: a concept whose unit is chosen, with its molar mass. The concept's name must
-- begin as the list says: a wrong code converts nothing.
CREATE OR REPLACE TEMP TABLE covariate_unit AS
SELECT
    CAST(c.concept_id AS BIGINT) AS unit_concept_id,
    u.unit,
    u.quantity,
    u.factor,
    u.shift,
    row_number() OVER (ORDER BY u.place, c.standard_concept IS NULL, c.concept_id) AS place
FROM covariate_unit_row AS u
INNER JOIN cdm.concept AS c ON c.vocabulary_id = 'UCUM' AND u.unit = c.concept_code;

CREATE OR REPLACE TEMP TABLE covariate_main_unit AS
SELECT *
FROM covariate_unit
QUALIFY row_number() OVER (PARTITION BY quantity ORDER BY place) = 1;

CREATE OR REPLACE TEMP TABLE covariate_analyte AS
SELECT
    CAST(c.concept_id AS BIGINT) AS concept_id,
    u.unit_concept_id,
    u.unit,
    u.quantity,
    u.factor,
    u.shift,
    a.molar_mass_g_per_mol AS molar_mass,
    a.valence
FROM covariate_analyte_row AS a
INNER JOIN cdm.concept AS c ON c.vocabulary_id = 'LOINC' AND a.loinc = c.concept_code AND starts_with(lower(c.concept_name), lower(a.component))
INNER JOIN covariate_unit AS u ON a.unit = u.unit
QUALIFY row_number() OVER (PARTITION BY c.concept_id ORDER BY u.place) = 1;
