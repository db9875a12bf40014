-- What the actions of `fields.csv` are in SQL. A row's id is its person's times 2^22 and an ordinal, which says no more than the order of rows does;
-- 0 is nothing that a row could point at (a cost of nothing that is known), and stays.
CREATE OR REPLACE TEMP MACRO new_row(id, person_id, new_id) AS CASE WHEN id >> 22 = person_id THEN (new_id << 22) + (id & 4194303) WHEN id = 0 THEN 0 END;

-- What programs write for a day that is not known, or never comes; as in `calendar.py`. Everybody knows it, so that its shift would be the person's.
-- Of a person whose days count from an anchor, none is: it stands at such a day itself, or anywhere.
CREATE OR REPLACE TEMP MACRO is_placeholder(happened, is_anchored) AS NOT is_anchored AND (
    happened < DATE '1900-01-02'
    OR happened IN (DATE '1901-01-01', DATE '1904-01-01', DATE '1960-01-01', DATE '1970-01-01')
    OR happened >= today() + INTERVAL 2 YEARS
);

CREATE OR REPLACE TEMP MACRO shifted_date(happened, shift_days, is_anchored) AS CAST(
    CASE WHEN is_placeholder(happened, is_anchored) THEN date_trunc('year', happened) ELSE happened + CAST(shift_days AS INTEGER) END AS DATE
);

CREATE OR REPLACE TEMP MACRO shifted_datetime(happened, shift_days, is_anchored) AS CASE
    WHEN is_placeholder(CAST(happened AS DATE), is_anchored) THEN CAST(date_trunc('year', happened) AS TIMESTAMP)
    ELSE happened + to_days(CAST(shift_days AS INTEGER))
END;

-- Whether a concept or a source calls something an age.
CREATE OR REPLACE TEMP MACRO is_called_age(words) AS regexp_matches(words, '(?i)^(current |chronological |patient''?s? |reported |stated )*age([^a-z]|$)');

CREATE OR REPLACE TEMP MACRO time_alone(written) AS CASE WHEN regexp_full_match(written, '[0-2]\d:[0-5]\d(:[0-5]\d(\.\d+)?)?') THEN written END;

-- The three digits of a ZIP code that may stay (45 CFR 164.514(b)(2)(i)(B)), of any country's.
CREATE OR REPLACE TEMP MACRO zip_area(zip) AS left(upper(regexp_replace(zip, '[^0-9A-Za-z]', '', 'g')), 3);
