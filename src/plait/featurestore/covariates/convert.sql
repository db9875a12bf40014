-- covariate_rule, one row: a concept and a unit that values of it come in, and how they become values in its one unit: times
-- factor plus shift; without a factor they cannot be read. Mass becomes substance by the molar mass, charge by the valence.
-- A unit of UCUM that is not on the list stays as it is.
CREATE OR REPLACE TEMP TABLE covariate_rule AS
WITH found AS (
    SELECT
        concept_id,
        unit_concept_id,
        count(*) AS value_count
    FROM covariate_event
    WHERE concept_id != 0 AND value IS NOT NULL
    GROUP BY ALL
),

targeted AS (
    SELECT
        f.*,
        c.concept_code AS from_unit,
        u.quantity AS from_quantity,
        u.factor AS from_factor,
        u.shift AS from_shift,
        a.molar_mass,
        a.valence,
        coalesce(a.unit_concept_id, m.unit_concept_id, CAST(c.concept_id AS BIGINT)) AS to_unit_concept_id,
        coalesce(a.unit, m.unit, c.concept_code) AS to_unit,
        coalesce(a.quantity, m.quantity) AS to_quantity,
        coalesce(a.factor, m.factor) AS to_factor,
        coalesce(a.shift, m.shift) AS to_shift
    FROM found AS f
    LEFT JOIN cdm.concept AS c ON f.unit_concept_id = c.concept_id AND c.vocabulary_id = 'UCUM'
    LEFT JOIN covariate_unit AS u ON f.unit_concept_id = u.unit_concept_id
    LEFT JOIN covariate_main_unit AS m ON u.quantity = m.quantity
    LEFT JOIN covariate_analyte AS a ON f.concept_id = a.concept_id
),

scaled AS (
    SELECT
        *,
        CASE
            WHEN from_quantity = to_quantity THEN 1
            WHEN from_quantity = 'mass_concentration' AND to_quantity = 'substance_concentration' THEN 1 / molar_mass
            WHEN from_quantity = 'substance_concentration' AND to_quantity = 'mass_concentration' THEN molar_mass
            WHEN from_quantity = 'charge_concentration' AND to_quantity = 'substance_concentration' THEN 1.0 / valence
            WHEN from_quantity = 'substance_concentration' AND to_quantity = 'charge_concentration' THEN valence
            WHEN from_quantity = 'charge_concentration' AND to_quantity = 'mass_concentration' THEN molar_mass / valence
            WHEN from_quantity = 'mass_concentration' AND to_quantity = 'charge_concentration' THEN valence / molar_mass
        END AS exchange
    FROM targeted
)

SELECT
    concept_id,
    unit_concept_id,
    from_unit,
    to_unit_concept_id,
    to_unit,
    value_count,
    CASE WHEN from_unit = to_unit THEN 1.0 ELSE from_factor * exchange / to_factor END AS factor,
    CASE WHEN from_unit = to_unit THEN 0.0 ELSE (from_shift - to_shift) / to_factor END AS shift
FROM scaled;

-- covariate_event, one row: as before, with values in the concept's unit; those that cannot be read are gone from it, and
-- of two units that share a covariate's id the least one stays.
-- covariate_unread, one row: a value that cannot be read, without the value.
CREATE OR REPLACE TEMP TABLE covariate_converted AS
WITH converted AS (
    SELECT
        e.* REPLACE (e.value * r.factor + r.shift AS value, CASE WHEN r.factor IS NOT NULL THEN r.to_unit_concept_id END AS unit_concept_id),
        e.value IS NOT NULL AS has_value
    FROM covariate_event AS e
    LEFT JOIN covariate_rule AS r ON e.concept_id = r.concept_id AND (e.unit_concept_id IS NOT DISTINCT FROM r.unit_concept_id)
)

SELECT
    *,
    has_value AND NOT coalesce(
        isfinite(value) AND unit_concept_id = min(unit_concept_id) OVER (PARTITION BY row_id, concept_id, unit_concept_id % 1000), FALSE
    ) AS is_unread
FROM converted;

CREATE OR REPLACE TEMP TABLE covariate_event AS
SELECT * EXCLUDE (has_value, is_unread) REPLACE (CASE WHEN NOT is_unread THEN value END AS value)
FROM covariate_converted;

CREATE OR REPLACE TEMP TABLE covariate_unread AS
SELECT DISTINCT
    row_id,
    concept_id,
    start_day
FROM covariate_converted
WHERE is_unread AND concept_id != 0;

INSERT INTO covariate_conversion
SELECT
    $table,
    concept_id,
    unit_concept_id,
    from_unit,
    to_unit_concept_id,
    to_unit,
    factor,
    CASE WHEN factor IS NOT NULL THEN shift END,
    value_count
FROM covariate_rule;
