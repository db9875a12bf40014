-- One value: concepts of units of time, and how many of it are 89 years.
SELECT map(list(concept_id), list(most)) AS units
FROM (
    SELECT
        c.concept_id,
        min(u.most) AS most
    FROM cdm.concept AS c
    INNER JOIN (
        VALUES
        ('a', 89), ('a_j', 89), ('a_g', 89), ('a_t', 89),
        ('mo', 1068), ('mo_j', 1068), ('mo_g', 1068), ('mo_s', 1068),
        ('wk', 4643), ('d', 32507)
    ) AS u (concept_code, most) ON c.vocabulary_id = 'UCUM' AND c.concept_code = u.concept_code
    GROUP BY c.concept_id
)
