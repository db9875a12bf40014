-- without_tag: a name without the semantic tag that SNOMED CT's fully specified names end with, which says what kind of thing it is.
-- fold: a text as names are compared by: small letters without accents, u for micro, and spaces for all that is no letter
-- and no digit.
CREATE OR REPLACE TEMP MACRO without_tag(text) AS regexp_replace(
    text,
    '(?i)\s*\((disorder|finding|situation|procedure|regime/therapy|substance|product|medicinal product|clinical drug|physical object|device|organism|'
    || 'body structure|cell|morphologic abnormality|observable entity|qualifier value|record artifact|event|person|occupation|social concept|'
    || 'environment|specimen|assessment scale|tumor staging|staging scale|physical force|ethnic group|racial group)\)\s*$',
    ''
);

CREATE OR REPLACE TEMP MACRO fold(text) AS
trim(regexp_replace(lower(strip_accents(translate(without_tag(text), 'µμ', 'uu'))), '[^\p{L}\p{N}%+]+', ' ', 'g'));

-- plain: a code as codes are compared by where they differ in dots, hyphens, spaces, leading zeros or the case of letters.
CREATE OR REPLACE TEMP MACRO plain(code) AS ltrim(regexp_replace(upper(code), '[\s.\-]+', '', 'g'), '0');

-- target, one row: a concept and a valid standard concept that it is, or that it maps to. Concepts that describe the
-- vocabulary itself, or how a record came to be, are what no code means.
CREATE OR REPLACE TEMP TABLE target AS
WITH standard AS (
    SELECT concept_id
    FROM vocabulary.concept
    WHERE standard_concept = 'S' AND invalid_reason IS NULL AND domain_id NOT IN ('Metadata', 'Type Concept')
)

SELECT
    concept_id,
    concept_id AS target_concept_id
FROM standard
UNION
SELECT
    r.concept_id_1 AS concept_id,
    r.concept_id_2 AS target_concept_id
FROM vocabulary.concept_relationship AS r
SEMI JOIN standard AS s ON r.concept_id_2 = s.concept_id
WHERE r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL;

-- name, one row: a name or a synonym of such a concept, and its folded text. A unit is called by its code too.
CREATE OR REPLACE TEMP TABLE name AS
WITH named AS (
    SELECT
        concept_id,
        concept_name AS name,
        FALSE AS is_synonym
    FROM vocabulary.concept
    UNION ALL
    SELECT
        concept_id,
        concept_synonym_name AS name,
        TRUE AS is_synonym
    FROM vocabulary.concept_synonym
    UNION ALL
    SELECT
        concept_id,
        concept_code AS name,
        TRUE AS is_synonym
    FROM vocabulary.concept
    WHERE domain_id = 'Unit'
)

SELECT
    n.concept_id,
    fold(n.name) AS folded,
    arg_min(n.name, (n.is_synonym, n.name)) AS name,
    min(n.is_synonym) AS is_synonym
FROM named AS n
SEMI JOIN target AS t ON n.concept_id = t.concept_id
WHERE fold(n.name) != ''
GROUP BY n.concept_id, fold(n.name);
