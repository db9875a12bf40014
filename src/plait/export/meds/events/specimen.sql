-- One row: a specimen that was taken of a person; the modifier is the place in the body.
-- Its columns, and what becomes of those that are not here, are in `named.sql`.
SELECT
    person_id,
    80 AS place,
    moment(specimen_date, specimen_datetime) AS time,
    specimen_concept_id AS concept_id,
    specimen_source_value AS source_value,
    quantity AS number,
    unit_concept_id,
    unit_source_value,
    anatomic_site_concept_id AS modifier_concept_id,
    anatomic_site_source_value AS modifier_source_value,
    known_time,
    specimen_type_concept_id AS type_concept_id,
    specimen_id AS row_id
FROM leaving_specimen
