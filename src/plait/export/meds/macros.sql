-- What the SELECTs of events share. A day without a time stands for its end: whoever looks at a moment of that day does not see it yet.
CREATE OR REPLACE TEMP MACRO moment(day, happened) AS CASE
    WHEN happened != CAST(day AS TIMESTAMP) THEN happened
    ELSE CAST(day AS TIMESTAMP) + INTERVAL '86399999999 microseconds'
END;

-- Birth stands at its beginning: nothing of a person comes before it. An unknown month or day is the first.
CREATE OR REPLACE TEMP MACRO born(y, m, d, happened) AS coalesce(
    happened, CAST(make_date(CAST(y AS INTEGER), CAST(coalesce(m, 1) AS INTEGER), CAST(coalesce(d, 1) AS INTEGER)) AS TIMESTAMP)
);

-- The code of an event, by the vocabulary that its readers want first; of one that no vocabulary has, what the source called it.
CREATE OR REPLACE TEMP MACRO coded(standard, source, table_name, written) AS coalesce(
    CASE WHEN getvariable('codes') = 'source' THEN source ELSE standard END,
    standard,
    source,
    'UNMAPPED//' || table_name || coalesce('//' || written, '')
);

-- All columns of an event, of which a table's SELECT gives those that it has.
CREATE OR REPLACE TEMP TABLE blank (
    table_name VARCHAR,
    person_id BIGINT,
    place INTEGER,
    time TIMESTAMP,
    is_end BOOLEAN,
    known_time TIMESTAMP,
    fixed_code VARCHAR,
    concept_id BIGINT,
    source_concept_id BIGINT,
    source_value VARCHAR,
    number DOUBLE,
    text_value VARCHAR,
    value_concept_id BIGINT,
    unit_concept_id BIGINT,
    unit_source_value VARCHAR,
    modifier_concept_id BIGINT,
    modifier_source_value VARCHAR,
    end_time TIMESTAMP,
    visit_id BIGINT,
    type_concept_id BIGINT,
    row_id BIGINT
)
