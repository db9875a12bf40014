-- How plait reads text as times and numbers: SQL macros, made once per connection.
-- A macro gives null where the text is no finite time or number; the caller says what that means.
CREATE OR REPLACE MACRO plait_time(value) AS
CASE WHEN isfinite(TRY_CAST(value AS TIMESTAMP)) THEN TRY_CAST(value AS TIMESTAMP) END;

CREATE OR REPLACE MACRO plait_zoned_time(value, zone) AS
CASE
    WHEN regexp_matches(value, '[0-9](Z|[+-][0-9]{2}(:?[0-9]{2})?)$') AND length(value) > 10
        THEN timezone(zone, TRY_CAST(value AS TIMESTAMPTZ))
    ELSE plait_time(value)
END;

-- A time of a study whose zone is UTC. A cast to TIMESTAMP drops an offset; what has none is spared the look for one.
CREATE OR REPLACE MACRO plait_utc_time(value) AS
CASE WHEN contains(substr(value, 11), '+') OR contains(substr(value, 11), '-') THEN plait_zoned_time(value, 'UTC') ELSE plait_time(value) END;

-- An offset from the source's anchor: `-57 years`, `444.87 months`, `12 days`; a month is a twelfth of 365.25 days, and
-- whole years are those of the calendar.
CREATE OR REPLACE MACRO plait_is_offset(value) AS regexp_full_match(value, '[+-]?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)? (days|months|years)');

CREATE OR REPLACE MACRO plait_offset(value, anchor) AS
CASE
    WHEN plait_is_offset(value)
        THEN
            CASE split_part(value, ' ', 2)
                WHEN 'days' THEN anchor + to_microseconds(CAST(round(CAST(split_part(value, ' ', 1) AS DOUBLE) * 86400e6) AS BIGINT))
                WHEN 'months' THEN anchor + to_microseconds(CAST(round(CAST(split_part(value, ' ', 1) AS DOUBLE) * 2629800e6) AS BIGINT))
                ELSE
                    anchor + to_years(CAST(trunc(CAST(split_part(value, ' ', 1) AS DOUBLE)) AS INTEGER))
                    + to_microseconds(
                        CAST(round((CAST(split_part(value, ' ', 1) AS DOUBLE) - trunc(CAST(split_part(value, ' ', 1) AS DOUBLE))) * 31557600e6) AS BIGINT)
                    )
            END
END;

CREATE OR REPLACE MACRO plait_is_date(value) AS length(value) <= 10 OR plait_is_offset(value);

-- A TCGA barcode, TCGA-02-0001-01C-01D-0182-01: project, tissue source site, participant, sample type and vial, portion and
-- analyte, plate, centre (GDC Encyclopedia, "TCGA Barcode"). The patient is its first three parts; the sample its type as well:
-- 01 to 09 are tumours, 10 to 19 normal tissue, 20 to 29 controls. A barcode may end after any part. Null where the text is no
-- barcode up to the end of the part that is asked for.
CREATE OR REPLACE MACRO plait_tcga_part(barcode, rest) AS
nullif(regexp_extract(barcode, concat('^TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}', rest, '(-|$)'), 1), '');

CREATE OR REPLACE MACRO plait_tcga_patient(barcode) AS nullif(regexp_extract(barcode, '^(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})(-|$)', 1), '');

CREATE OR REPLACE MACRO plait_tcga_sample_type(barcode) AS plait_tcga_part(barcode, '-([0-9]{2})[A-Z]?');

CREATE OR REPLACE MACRO plait_tcga_sample(barcode) AS plait_tcga_patient(barcode) || '-' || plait_tcga_sample_type(barcode);

CREATE OR REPLACE MACRO plait_tcga_status(barcode) AS
CASE
    WHEN plait_tcga_sample_type(barcode) BETWEEN '01' AND '09' THEN 'tumour'
    WHEN plait_tcga_sample_type(barcode) BETWEEN '10' AND '19' THEN 'normal'
    WHEN plait_tcga_sample_type(barcode) BETWEEN '20' AND '29' THEN 'control'
END;

CREATE OR REPLACE MACRO plait_tcga_vial(barcode) AS plait_tcga_part(barcode, '-[0-9]{2}([A-Z])');

CREATE OR REPLACE MACRO plait_tcga_portion(barcode) AS plait_tcga_part(barcode, '-[0-9]{2}[A-Z]?-([0-9]{2})[A-Z]?');

CREATE OR REPLACE MACRO plait_tcga_analyte(barcode) AS plait_tcga_part(barcode, '-[0-9]{2}[A-Z]?-[0-9]{2}([A-Z])');

CREATE OR REPLACE MACRO plait_tcga_plate(barcode) AS plait_tcga_part(barcode, '-[0-9]{2}[A-Z]?-[0-9]{2}[A-Z]?-([A-Z0-9]{4})');

CREATE OR REPLACE MACRO plait_tcga_center(barcode) AS plait_tcga_part(barcode, '-[0-9]{2}[A-Z]?-[0-9]{2}[A-Z]?-[A-Z0-9]{4}-([0-9]{2})');

-- What the one group of a pattern holds; the text itself where there is no pattern, null where the pattern is not in it.
CREATE OR REPLACE MACRO plait_within(value, pattern) AS CASE WHEN pattern IS NULL THEN value ELSE nullif(regexp_extract(value, pattern, 1), '') END;

-- The person, or the specimen, that a name tells of: the name itself, of which a TCGA barcode is cut to size.
CREATE OR REPLACE MACRO plait_named_person(name, barcode) AS CASE WHEN barcode = 'tcga' THEN plait_tcga_patient(name) ELSE name END;

CREATE OR REPLACE MACRO plait_named_specimen(name, barcode) AS CASE WHEN barcode = 'tcga' THEN plait_tcga_sample(name) ELSE name END;

-- A name of a file that is a TCGA barcode may be in small letters; an item of a matrix may not.
CREATE OR REPLACE MACRO plait_slide_name(name, barcode) AS CASE WHEN barcode = 'tcga' THEN upper(name) ELSE name END;

-- A reference genome by the name that the Genome Reference Consortium gives it, other names of it included.
CREATE OR REPLACE MACRO plait_genome_build(value) AS
CASE
    WHEN lower(value) IN ('grch37', 'hg19', 'b37', '37', 'build37', 'hs37d5') THEN 'GRCh37'
    WHEN lower(value) IN ('grch38', 'hg38', 'b38', '38', 'build38') THEN 'GRCh38'
    WHEN lower(value) IN ('ncbi36', 'hg18', 'b36', '36') THEN 'NCBI36'
    ELSE value
END;

-- A DICOM date (DA, 20240131) and time (TM, 134501.5) as ISO 8601; the date alone where there is no time (PS3.5, 6.2).
CREATE OR REPLACE MACRO plait_dicom_time(day, clock) AS
CASE
    WHEN regexp_full_match(replace(day, '.', ''), '[0-9]{8}')
        THEN
            concat(
                substr(replace(day, '.', ''), 1, 4), '-', substr(replace(day, '.', ''), 5, 2), '-', substr(replace(day, '.', ''), 7, 2),
                CASE
                    WHEN regexp_matches(replace(clock, ':', ''), '^[0-9]{4}')
                        THEN
                            concat(
                                'T', substr(replace(clock, ':', ''), 1, 2), ':', substr(replace(clock, ':', ''), 3, 2), ':',
                                coalesce(nullif(substr(replace(clock, ':', ''), 5, 2), ''), '00')
                            )
                END
            )
END;

CREATE OR REPLACE MACRO plait_number(value, below) AS
CASE WHEN abs(TRY_CAST(value AS DOUBLE)) < below THEN TRY_CAST(value AS DOUBLE) END;

-- A whole number, also one that is written with a point and zeros; a cast alone would round 1.5.
CREATE OR REPLACE MACRO plait_whole(value) AS
CASE
    WHEN contains(value, '.') THEN CASE WHEN regexp_full_match(value, '[+-]?[0-9]+[.]0*') THEN TRY_CAST(split_part(value, '.', 1) AS BIGINT) END
    ELSE TRY_CAST(value AS BIGINT)
END;

-- The day of a time that is written as midnight (of one of some formats, else of ISO 8601), as ISO 8601 has a day; any other value as it is. For
-- what writes midnight where the day alone is known: a day is known at its end, and midnight at its beginning.
CREATE OR REPLACE MACRO plait_day(value, formats := ['%Y-%m-%d %H:%M:%S']) AS
CASE
    WHEN regexp_matches(value, '(([ T]|[0-9]{4}:)0?0:00(:00([.]0+)?)?| 12:00(:00)? [Aa][Mm])$')
        THEN coalesce(strftime(try_strptime(value, formats), '%Y-%m-%d'), left(value, 10))
    ELSE value
END;

CREATE OR REPLACE MACRO plait_known(at_time, is_date) AS
CASE WHEN is_date THEN date_trunc('day', at_time) + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND ELSE at_time END;

-- ICD codes with the point that the vocabulary's codes have, whether they were delivered with it or not: ICD-10 (and -CM) after three
-- characters, ICD-9-CM after three too, but after four of its E codes, its procedures after two (CMS, ICD-9-CM and ICD-10-CM code titles).
CREATE OR REPLACE MACRO plait_pointed(bare, place) AS
CASE WHEN length(bare) > place THEN concat(substr(bare, 1, CAST(place AS BIGINT)), '.', substr(bare, CAST(place + 1 AS BIGINT))) ELSE bare END;

CREATE OR REPLACE MACRO plait_icd10(code) AS plait_pointed(replace(upper(trim(code)), '.', ''), 3);

CREATE OR REPLACE MACRO plait_icd9(code) AS
plait_pointed(replace(upper(trim(code)), '.', ''), CASE WHEN upper(trim(code)) LIKE 'E%' THEN 4 ELSE 3 END);

CREATE OR REPLACE MACRO plait_icd9_procedure(code) AS plait_pointed(replace(trim(code), '.', ''), 2);

-- A National Drug Code as eleven digits, as billing and the vocabulary write it: labeler, product and package of 4-4-2, 5-3-2 and 5-4-1
-- digits are filled up to 5-4-2 with zeros (FDA, "National Drug Code Format"). Null where the text is none, or all zeros.
CREATE OR REPLACE MACRO plait_ndc(code) AS
CASE
    WHEN regexp_full_match(trim(code), '[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}')
        THEN
            concat(
                lpad(split_part(trim(code), '-', 1), 5, '0'), lpad(split_part(trim(code), '-', 2), 4, '0'), lpad(split_part(trim(code), '-', 3), 2, '0')
            )
    WHEN regexp_full_match(trim(code), '[0-9]{11}') THEN nullif(trim(code), '00000000000')
END;
