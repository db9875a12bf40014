-- One row: a person's only cancer: what tells of the cancer and points at no disease tells of this one. A metastasis is none of its own, nor is what
-- another one says more exactly (lung cancer, of who has a small cell one); of who has several all the same, none is.
WITH one_of AS (
    SELECT DISTINCT
        d.person_id,
        d.id,
        c.concept_id
    FROM told_disease AS d
    INNER JOIN told_condition AS c ON d.person_id = c.person_id AND d.id = c.id
    WHERE d.is_cancer
),

secondary AS (
    SELECT DISTINCT a.descendant_concept_id AS concept_id
    FROM cdm.concept_ancestor AS a
    INNER JOIN known AS k ON a.ancestor_concept_id = k.concept_id AND k.role = 'secondary'
),

said_by_another AS (
    SELECT DISTINCT
        o.person_id,
        o.id
    FROM one_of AS o
    INNER JOIN one_of AS m ON o.person_id = m.person_id AND o.id <> m.id
    INNER JOIN cdm.concept_ancestor AS a ON o.concept_id = a.ancestor_concept_id AND m.concept_id = a.descendant_concept_id
),

chosen AS (
    SELECT DISTINCT
        o.person_id,
        o.id
    FROM one_of AS o
    ANTI JOIN secondary AS s ON o.concept_id = s.concept_id
    ANTI JOIN said_by_another AS x ON o.person_id = x.person_id AND o.id = x.id
)

SELECT
    d.person_id,
    min(d.id) AS id,
    min(d.label) AS label,
    min(d.began) AS began,
    min(d.histology_id) AS histology_id,
    min(d.histology_label) AS histology_label
FROM told_disease AS d
INNER JOIN chosen AS c ON d.person_id = c.person_id AND d.id = c.id
GROUP BY d.person_id
HAVING count(*) = 1
