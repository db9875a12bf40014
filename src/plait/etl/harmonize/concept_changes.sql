-- One row more: how many rows of a person have, in one field, another concept than they came with, or are of another table.
INSERT INTO concept_change
SELECT
    person_id,
    source,
    $table,
    $field,
    source_concept_id,
    concept_id,
    new_concept_id,
    domain_id,
    new_table_name,
    mapped_by,
    count(*)
FROM changing
GROUP BY person_id, source, source_concept_id, concept_id, new_concept_id, domain_id, new_table_name, mapped_by;
