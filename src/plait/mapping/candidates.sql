-- One row: a standard concept that a code may mean, best first ($most of each code): by its code in some vocabulary
-- (is_code), else by a name. A concept of another table of the CDM than the code's hint counts for $elsewhere as much.
WITH by_code AS (
    SELECT
        a.code_no,
        c.concept_id,
        CASE
            WHEN length(a.plain) < 4 THEN $short
            WHEN c.concept_code = a.code THEN $same
            WHEN upper(c.concept_code) = upper(a.code) THEN $other_case
            ELSE $other_form
        END AS base,
        CASE
            WHEN c.concept_code = a.code THEN 'the same code'
            WHEN upper(c.concept_code) = upper(a.code) THEN 'the same code but for the case of letters'
            ELSE 'the same code but for dots, hyphens or leading zeros'
        END AS how
    FROM asked AS a
    INNER JOIN vocabulary.concept AS c ON a.plain = plain(c.concept_code)
    WHERE a.plain != ''
),

likeness AS (
    SELECT
        h.code_no,
        n.concept_id,
        max(h.score) AS score,
        arg_max(n.name, (h.score, NOT n.is_synonym, n.name)) AS name,
        arg_max(n.is_synonym, (h.score, NOT n.is_synonym, n.name)) AS is_synonym
    FROM hit AS h
    INNER JOIN name AS n ON h.folded = n.folded
    GROUP BY h.code_no, n.concept_id
),

proposed AS (
    SELECT
        code_no,
        concept_id,
        b.base + (1 - b.base) * coalesce(l.score, 0) AS score,
        b.base > $short AS is_code,
        b.how,
        l.name,
        l.score AS likeness
    FROM by_code AS b
    LEFT JOIN likeness AS l USING (code_no, concept_id)
    UNION ALL
    SELECT
        code_no,
        concept_id,
        score,
        FALSE AS is_code,
        CASE WHEN is_synonym THEN 'a synonym like it' ELSE 'a name like it' END AS how,
        name,
        score AS likeness
    FROM likeness
),

placed AS (
    SELECT
        p.*,
        t.target_concept_id,
        p.score * CASE WHEN a.domain_id IS NULL OR c.domain_id = a.domain_id OR d.table_name = h.table_name THEN 1 ELSE $elsewhere END AS placed_score
    FROM proposed AS p
    INNER JOIN asked AS a ON p.code_no = a.code_no
    INNER JOIN target AS t ON p.concept_id = t.concept_id
    INNER JOIN vocabulary.concept AS c ON t.target_concept_id = c.concept_id
    LEFT JOIN domain_table AS d ON c.domain_id = d.domain_id
    LEFT JOIN domain_table AS h ON a.domain_id = h.domain_id
    WHERE (NOT a.is_strict OR c.domain_id = a.domain_id) AND placed_score >= $floor
),

best AS (
    SELECT *
    FROM placed
    QUALIFY
        row_number() OVER (
            PARTITION BY code_no, target_concept_id
            ORDER BY is_code DESC, placed_score DESC, concept_id != target_concept_id, concept_id, name
        ) = 1
),

ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY code_no
            ORDER BY is_code AND placed_score = score DESC, placed_score DESC, concept_id != target_concept_id, target_concept_id
        ) AS rank
    FROM best
)

SELECT
    r.code_no,
    c.concept_id,
    c.concept_name,
    c.domain_id,
    c.vocabulary_id,
    c.concept_code,
    c.standard_concept,
    round(r.placed_score, 4) AS score,
    r.how,
    r.name,
    r.likeness,
    v.concept_id AS via_concept_id,
    v.vocabulary_id || ' ' || v.concept_code AS via_concept_code,
    v.concept_name AS via_concept_name
FROM ranked AS r
INNER JOIN vocabulary.concept AS c ON r.target_concept_id = c.concept_id
INNER JOIN vocabulary.concept AS v ON r.concept_id = v.concept_id
WHERE r.rank <= $most
ORDER BY r.code_no, r.rank
