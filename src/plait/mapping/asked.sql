-- asked, one row: a code to look for, its words folded, and its plain form. A code without words stands for itself where it
-- is a unit or the like, or reads as words (SliceThickness); a number or an abbreviation is like nothing.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT
    CAST(code_no AS INTEGER) AS code_no,
    code,
    plain(code) AS plain,
    fold(
        CASE
            WHEN display IS NOT NULL THEN display
            WHEN is_strict THEN code
            WHEN regexp_matches(code, '[A-Za-z]{3}') AND NOT regexp_matches(code, '[0-9]') THEN regexp_replace(code, '([a-z])([A-Z])', '\1 \2', 'g')
            ELSE ''
        END
    ) AS folded,
    domain_id,
    is_strict
FROM given;
