-- One row: a drug that was given, and an ingredient of it whose eras are counted: the persons of the one are among those of the other.
SELECT DISTINCT
    d.drug_concept_id AS drug,
    a.ancestor_concept_id AS ingredient
FROM cdm.drug_exposure AS d
INNER JOIN cdm.concept_ancestor AS a ON d.drug_concept_id = a.descendant_concept_id
SEMI JOIN cdm.drug_era AS e ON a.ancestor_concept_id = e.drug_concept_id
