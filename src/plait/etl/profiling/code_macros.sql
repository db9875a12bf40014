-- Check digits of codes: SQL macros, made once per connection that profiles.
-- SNOMED CT identifiers: Verhoeff's check digit, and the partition of a concept (SNOMED CT Release File Specification, "SCTID representation").
-- The digits, each permuted by its place from the right:
CREATE OR REPLACE TEMP MACRO plait_permuted(digits) AS
list_transform(
    range(length(digits)),
    LAMBDA place: CAST(
        substr(
            '01234567891576283094580379614289160435279453126870428657390127938064157046913258',
            CAST((place % 8) * 10 + CAST(substr(digits, CAST(length(digits) - place AS BIGINT), 1) AS INTEGER) + 1 AS BIGINT), 1
        ) AS INTEGER
    )
);

-- Whether elements of the dihedral group of order ten multiply to its neutral one: 0 to 4 turn, 5 to 9 turn and mirror, and behind an
-- odd number of mirrors a turn goes the other way.
CREATE OR REPLACE TEMP MACRO plait_is_neutral(elements) AS
len(list_filter(elements, LAMBDA one: one >= 5)) % 2 = 0
AND list_sum(
    list_transform(
        range(1, len(elements) + 1),
        LAMBDA place: (1 - 2 * (len(list_filter(elements[1:place - 1], LAMBDA one: one >= 5)) % 2)) * (elements[place] % 5)
    )
) % 5 = 0;

CREATE OR REPLACE TEMP MACRO plait_is_sctid(code) AS
CASE
    WHEN regexp_full_match(code, '[1-9][0-9]{5,17}') AND substr(code, length(code) - 2, 2) IN ('00', '10')
        THEN plait_is_neutral(plait_permuted(code))
    ELSE FALSE
END;

-- LOINC numbers: Luhn's check digit (LOINC Users' Guide, "Calculating Mod 10 check digits").
CREATE OR REPLACE TEMP MACRO plait_luhn(digits) AS
(10 - list_sum(
    list_transform(
        range(length(digits)),
        LAMBDA place: CASE
            WHEN place % 2 = 1 THEN CAST(substr(digits, CAST(length(digits) - place AS BIGINT), 1) AS INTEGER)
            ELSE CAST(
                substr('0246813579', CAST(substr(digits, CAST(length(digits) - place AS BIGINT), 1) AS INTEGER) + 1, 1) AS INTEGER
            )
        END
    )
) % 10) % 10;

CREATE OR REPLACE TEMP MACRO plait_is_loinc(code) AS
CASE
    WHEN regexp_full_match(code, '[0-9]{1,7}-[0-9]') THEN plait_luhn(split_part(code, '-', 1)) = CAST(split_part(code, '-', 2) AS INTEGER)
    ELSE FALSE
END;
