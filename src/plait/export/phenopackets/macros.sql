-- What a text says in a form that `terms.csv` knows; an empty text where it says nothing of the kind.
-- The category of a TNM: 'cT2', 'T2 category' and 'ypT2' are T2 (UICC and AJCC; prefixes say how it was found, and are read elsewhere).
CREATE OR REPLACE TEMP MACRO tnm_text(written) AS upper(
    regexp_extract(written, '(?:^|[^A-Za-z0-9])(?:yp|yc|[cpyra])?([TNM](?:[0-4X](?:mi|[a-d])?|is|a))(?:[^A-Za-z0-9]|$)', 1, 'i')
);

CREATE OR REPLACE TEMP MACRO roman(digits) AS CASE left(digits, 1)
    WHEN '1' THEN 'I' WHEN '2' THEN 'II' WHEN '3' THEN 'III' WHEN '4' THEN 'IV' ELSE left(digits, 1)
END || substr(digits, 2);

CREATE OR REPLACE TEMP MACRO stage_text(written) AS roman(upper(regexp_extract(
    written,
    '^\s*(?:(?:clinical|pathologic(?:al)?|ajcc|uicc|tnm|overall)\s+)*(?:stage)?[\s-]*(0(?:is|a)?|IV[A-C]?|I{1,3}[A-D]?[1-3]?|[1-4][A-D]?[1-3]?|X)\s*$',
    1, 'i'
)));

CREATE OR REPLACE TEMP MACRO degree_text(written) AS upper(regexp_extract(written, '^\s*(?:grade\s*|G)?(IV|I{1,3}|[1-4]|X)(?:\W|$)', 1, 'i'));

-- A grade is a number, in whatever digits it is written, or 'high grade' and 'low grade'.
CREATE OR REPLACE TEMP MACRO grade_text(written) AS CASE degree_text(written)
    WHEN 'I' THEN '1' WHEN 'II' THEN '2' WHEN 'III' THEN '3' WHEN 'IV' THEN '4' WHEN '' THEN upper(trim(written)) ELSE degree_text(written)
END;

CREATE OR REPLACE TEMP MACRO side_text(written) AS upper(regexp_extract(written, '^\s*(left|right|bilateral)(?:\W|$)', 1, 'i'));

CREATE OR REPLACE TEMP MACRO sign_text(written) AS upper(regexp_extract(written, '^\s*(positive|negative)(?:\W|$)', 1, 'i'));

CREATE OR REPLACE TEMP MACRO role_text(role, written) AS CASE role
    WHEN 'T' THEN tnm_text(written) WHEN 'N' THEN tnm_text(written) WHEN 'M' THEN tnm_text(written)
    WHEN 'stage' THEN stage_text(written) WHEN 'grade' THEN grade_text(written) WHEN 'laterality' THEN side_text(written)
END;

-- A moment: with its time where that is known, else the beginning of the day.
CREATE OR REPLACE TEMP MACRO moment(happened, day) AS coalesce(happened, CAST(day AS TIMESTAMP));

-- What a change of these bases is a change of, as HGVS writes it.
CREATE OR REPLACE TEMP MACRO range_of(start_position, bases) AS
CASE WHEN length(bases) = 1 THEN '' ELSE start_position || '_' END || (start_position + length(bases) - 1);
