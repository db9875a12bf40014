-- What the reader and the SELECTs share. First, what a reference points to. A key is the id of a resource, or where it has none the last
-- part of the URL at which its Bundle holds it; a contained resource is the key of its container, `#` and its own id.
CREATE OR REPLACE MACRO fhir_last(url) AS nullif(regexp_extract(url, '([^/:|#?]+)(/_history/[^/]*)?$', 1), '');

-- The type of resource that a reference names (`Patient/1`, `Patient?identifier=…`): ids are unique within a type only. Null of one by a
-- URN, of a contained resource, or by an identifier alone.
CREATE OR REPLACE MACRO fhir_named(reference) AS
nullif(regexp_extract(reference, '(?:^|/)([A-Z][A-Za-z]+)(?:[?]|/[^/:|#?]+(?:/_history/[^/]*)?$)', 1), '');

-- The key of a practitioner's role, among those of practitioners.
CREATE OR REPLACE MACRO fhir_role(key) AS CASE WHEN starts_with(key, '?') THEN key ELSE 'PractitionerRole/' || key END;

-- A reference as text: relative (`Patient/1`), absolute, with a version, `urn:uuid:`, contained (`#a`), conditional
-- (`Patient?identifier=system|value`) or by an identifier alone. The latter two are `?system|value`.
CREATE OR REPLACE MACRO fhir_pointed(reference, system, value, home) AS
CASE
    WHEN starts_with(reference, '#') THEN concat(split_part(home, '#', 1), CASE WHEN length(reference) > 1 THEN reference END)
    WHEN contains(reference, '?') THEN '?' || nullif(url_decode(regexp_extract(reference, '[?&]identifier=([^&]*)', 1)), '')
    WHEN reference IS NOT NULL THEN fhir_last(reference)
    WHEN value IS NOT NULL THEN concat('?', system, '|', value)
END;

CREATE OR REPLACE MACRO fhir_key(body, path, home) AS
fhir_pointed(
    json_extract_string(body, path || '.reference'), json_extract_string(body, path || '.identifier.system'),
    json_extract_string(body, path || '.identifier.value'), home
);

-- The same, where it may name a resource of one of these types; null where it names one of another.
CREATE OR REPLACE MACRO fhir_pointed_to(reference, system, value, home, types) AS
CASE
    WHEN NOT coalesce(list_contains(types, fhir_named(reference)), TRUE) THEN NULL
    WHEN fhir_named(reference) = 'PractitionerRole' THEN fhir_role(fhir_pointed(reference, system, value, home))
    ELSE fhir_pointed(reference, system, value, home)
END;

-- An instant as text, for comparing versions of one resource.
CREATE OR REPLACE MACRO fhir_instant(value) AS TRY_CAST(value AS TIMESTAMPTZ);

-- How sure somebody is of a condition or an allergy: of HL7's codes the one that any of the codings has, else the first coding's.
CREATE OR REPLACE MACRO fhir_verified(verification) AS
coalesce(
    list_filter(
        ['entered-in-error', 'refuted', 'unconfirmed', 'differential', 'provisional', 'confirmed'],
        LAMBDA c: list_contains(TRY(json_extract_string(verification, '$.coding[*].code')), c)
    )[1],
    TRY(json_extract_string(verification, '$.coding[0].code'))
);

-- The rule by which a resource is left out whatever its type: entered in error, with a modifier that changes what it says, or a
-- patient's that another one replaces (Patient.link).
CREATE OR REPLACE MACRO fhir_rule(status, document_status, verification, modifier, links) AS
CASE
    WHEN 'entered-in-error' IN (coalesce(status, ''), coalesce(document_status, ''), coalesce(fhir_verified(verification), '')) THEN 'entered_in_error'
    WHEN modifier IS NOT NULL THEN 'modifier_extension'
    WHEN list_contains(TRY(json_extract_string(links, '$[*].type')), 'replaced-by') THEN 'replaced'
END;

-- What stands at a path of an element; null where the element is no JSON object or list.
CREATE OR REPLACE MACRO fhir_at(element, path) AS TRY(json_extract_string(element, path));

-- The unit of a quantity, UCUM's code of it before others.
CREATE OR REPLACE MACRO fhir_unit(quantity) AS coalesce(
    CASE WHEN fhir_at(quantity, '$.system') = 'http://unitsofmeasure.org' THEN fhir_at(quantity, '$.code') END,
    fhir_at(quantity, '$.unit'), fhir_at(quantity, '$.code')
);

-- The unit of one side of a ratio; null where it is a number of nothing.
CREATE OR REPLACE MACRO fhir_side(ratio, side) AS nullif(fhir_unit(fhir_at(ratio, side)), '1');

-- What a ratio says. One to a number, without units, is a titre, which is that number (LOINC, property Titr: the reciprocal of the dilution).
CREATE OR REPLACE MACRO fhir_ratio(ratio) AS CASE WHEN ratio IS NOT NULL THEN {
    'is_titre': coalesce(
        TRY_CAST(fhir_at(ratio, '$.numerator.value') AS DOUBLE) = 1 AND TRY_CAST(fhir_at(ratio, '$.denominator.value') AS DOUBLE) > 1
        AND fhir_side(ratio, '$.numerator') IS NULL AND fhir_side(ratio, '$.denominator') IS NULL, FALSE
    ),
    'above': fhir_at(ratio, '$.numerator.value'),
    'below': fhir_at(ratio, '$.denominator.value'),
    'comparator': coalesce(fhir_at(ratio, '$.denominator.comparator'), fhir_at(ratio, '$.numerator.comparator')),
    'unit': nullif(
        coalesce(fhir_side(ratio, '$.numerator'), '') || coalesce('/' || fhir_side(ratio, '$.denominator'), ''), ''
    ),
    'said': concat_ws(
        ':',
        concat_ws(' ', fhir_at(ratio, '$.numerator.value'), fhir_side(ratio, '$.numerator')),
        concat_ws(' ', fhir_at(ratio, '$.denominator.value'), fhir_side(ratio, '$.denominator'))
    )
} END;

-- Code systems in the order in which a coding of theirs is taken (FHIR to OMOP IG, "Code Prioritization Framework").
CREATE OR REPLACE MACRO fhir_preferred(kind) AS
CASE kind
    WHEN 'drug'
        THEN ['http://www.nlm.nih.gov/research/umls/rxnorm', 'http://hl7.org/fhir/sid/cvx', 'http://hl7.org/fhir/sid/ndc', 'http://snomed.info/sct']
    WHEN 'vaccine'
        THEN ['http://hl7.org/fhir/sid/cvx', 'http://www.nlm.nih.gov/research/umls/rxnorm', 'http://hl7.org/fhir/sid/ndc', 'http://snomed.info/sct']
    WHEN 'finding' THEN ['http://loinc.org', 'http://snomed.info/sct']
    WHEN 'procedure'
        THEN ['http://snomed.info/sct', 'http://www.ama-assn.org/go/cpt', 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', 'http://loinc.org']
    ELSE ['http://snomed.info/sct', 'http://hl7.org/fhir/sid/icd-10-cm', 'http://hl7.org/fhir/sid/icd-10', 'http://hl7.org/fhir/sid/icd-9-cm']
END;

CREATE OR REPLACE MACRO fhir_system(uri) AS
CASE
    WHEN uri IS NULL THEN 'FHIR_LOCAL'
    WHEN starts_with(uri, 'http://snomed.info/sct') THEN 'http://snomed.info/sct'
    ELSE rtrim(replace(split_part(uri, '|', 1), 'https://www.cms.gov/Medicare/Coding/HCPCS', 'http://www.cms.gov/Medicare/Coding/HCPCS'), '/')
END;

-- The codings of a CodeableConcept, the best first: by their system, then as the user selected, then in their order; its text
-- where it has none, or the first words of a coding. A Coding is taken as a concept of one.
CREATE OR REPLACE MACRO fhir_coded(concept) AS
list_filter(
    list_append(coalesce(concept.coding, []), {'system': concept.system, 'code': concept.code, 'display': concept.display, 'userSelected': NULL}),
    LAMBDA c: c.code IS NOT NULL
);

CREATE OR REPLACE MACRO fhir_listed(concept, kind) AS
list_sort(
    list_transform(
        list_zip(fhir_coded(concept), range(len(fhir_coded(concept)))),
        LAMBDA c: {
            'rank': coalesce(list_position(fhir_preferred(kind), fhir_system(c[1].system)), 99),
            'selected': coalesce(c[1]."userSelected", '') != 'true',
            'position': c[2],
            'system': fhir_system(c[1].system),
            'code': c[1].code,
            'display': coalesce(c[1].display, concept.text)
        }
    )
);

CREATE OR REPLACE MACRO fhir_parsed(element) AS
TRY(
    from_json(
        element,
        '{"coding":[{"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR","userSelected":"VARCHAR"}],"text":"VARCHAR",'
        || '"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR"}'
    )
);

CREATE OR REPLACE MACRO fhir_words(concept) AS
coalesce(concept.text, list_filter(list_append(list_transform(concept.coding, LAMBDA c: c.display), concept.display), LAMBDA w: w IS NOT NULL)[1]);

CREATE OR REPLACE MACRO fhir_codings(element, kind) AS
CASE
    WHEN len(fhir_listed(fhir_parsed(element), kind)) > 0 THEN fhir_listed(fhir_parsed(element), kind)
    WHEN fhir_words(fhir_parsed(element)) IS NOT NULL
        THEN
            [
                {
                    'rank': 99, 'selected': TRUE, 'position': 1, 'system': 'FHIR_TEXT',
                    'code': fhir_words(fhir_parsed(element)), 'display': fhir_words(fhir_parsed(element))
                }
            ]
END;

-- A partial date (`2010`, `2010-05`) as a day by the rule of the study: first, middle or last; `reject` leaves it as it is. It is
-- known at the end of the time that it leaves open.
CREATE OR REPLACE MACRO fhir_last_day(value) AS
CASE
    WHEN regexp_full_match(value, '[0-9]{4}') THEN value || '-12-31'
    WHEN regexp_full_match(value, '[0-9]{4}-[0-9]{2}') THEN CAST(last_day(TRY_CAST(value || '-01' AS DATE)) AS VARCHAR)
END;

CREATE OR REPLACE MACRO fhir_time(value, rule) AS
CASE
    WHEN regexp_full_match(value, '[0-9]{4}(-[0-9]{2})?')
        THEN
            CASE rule
                WHEN 'first' THEN value || CASE WHEN length(value) = 4 THEN '-01-01' ELSE '-01' END
                WHEN 'middle' THEN value || CASE WHEN length(value) = 4 THEN '-07-01' ELSE '-15' END
                WHEN 'last' THEN fhir_last_day(value)
                ELSE value
            END
    ELSE value
END;

-- When it was known: as told, else, of a partial date, at the end of the time that it leaves open.
CREATE OR REPLACE MACRO fhir_known(told, value) AS coalesce(fhir_last_day(told), told, fhir_last_day(value));

-- The rule by which an observation without a value is left out, by why it has none (HL7, DataAbsentReason).
CREATE OR REPLACE MACRO fhir_reason_rule(element) AS
CASE
    WHEN element IS NOT NULL
        THEN coalesce('data_absent_' || replace(nullif(regexp_extract(fhir_at(element, '$.coding[0].code'), '^[a-z-]{2,24}$'), ''), '-', '_'), 'data_absent')
END;

-- Why something has no value, or was not done: of the codings of an element the first that `absence_reasons.csv` knows (`reasons` is
-- that table as a map). A code without a system is one of HL7's DataAbsentReason.
CREATE OR REPLACE MACRO fhir_reason_of(element, reasons) AS
list_filter(
    list_transform(
        fhir_codings(element, 'reason'),
        LAMBDA c: reasons[concat(replace(c.system, 'FHIR_LOCAL', 'http://terminology.hl7.org/CodeSystem/data-absent-reason'), '|', c.code)]
    ),
    LAMBDA r: r IS NOT NULL
)[1];

-- The key of an address, which is one location wherever it stands.
CREATE OR REPLACE MACRO fhir_address_key(element) AS
CASE
    WHEN
        coalesce(
            fhir_at(element, '$.city'), fhir_at(element, '$.postalCode'), fhir_at(element, '$.line[0]'), fhir_at(element, '$.state'),
            fhir_at(element, '$.country')
        ) IS NOT NULL
        THEN
            md5(
                concat_ws(
                    '|', fhir_at(element, '$.line[0]'), fhir_at(element, '$.line[1]'), fhir_at(element, '$.city'), fhir_at(element, '$.state'),
                    fhir_at(element, '$.postalCode'), fhir_at(element, '$.district'), fhir_at(element, '$.country')
                )
            )
END;

CREATE OR REPLACE MACRO fhir_extension(element, url) AS list_filter(TRY(json_extract(element, '$[*]')), LAMBDA e: json_extract_string(e, '$.url') = url)[1];

-- The value of an inner extension of a complex one (`ombCategory` of US Core's race), each that there is.
CREATE OR REPLACE MACRO fhir_inner_codes(extension, url) AS
list_sort(
    list_distinct(
        list_transform(
            list_filter(TRY(json_extract(extension, '$.extension[*]')), LAMBDA e: json_extract_string(e, '$.url') = url),
            LAMBDA e: coalesce(json_extract_string(e, '$.valueCoding.code'), json_extract_string(e, '$.valueCode'))
        )
    )
);

-- The identifier of a system, or of a type, in a list of identifiers.
CREATE OR REPLACE MACRO fhir_identifier(element, uri) AS
json_extract_string(list_filter(TRY(json_extract(element, '$[*]')), LAMBDA i: json_extract_string(i, '$.system') = uri)[1], '$.value');

CREATE OR REPLACE MACRO fhir_identifier_of_type(element, type_code) AS
json_extract_string(
    list_filter(TRY(json_extract(element, '$[*]')), LAMBDA i: list_contains(json_extract_string(i, '$.type.coding[*].code'), type_code))[1], '$.value'
);

-- What a component of a genomic variant says in words, or in codes (HL7 Genomics Reporting); a coordinate of an inner extension.
CREATE OR REPLACE MACRO fhir_said(component) AS
coalesce(json_extract_string(component, '$.valueCodeableConcept.coding[0].display'), json_extract_string(component, '$.valueCodeableConcept.text'));

CREATE OR REPLACE MACRO fhir_code_of(component) AS
coalesce(json_extract_string(component, '$.valueCodeableConcept.coding[0].code'), json_extract_string(component, '$.valueCodeableConcept.text'));

CREATE OR REPLACE MACRO fhir_coordinate(extension, url) AS
json_extract_string(list_filter(json_extract(extension, '$.extension[*]'), LAMBDA e: json_extract_string(e, '$.url') = url)[1], '$.valueDecimal');

-- A total of a claim by its category.
CREATE OR REPLACE MACRO fhir_total(element, category) AS
list_filter(TRY(json_extract(element, '$[*]')), LAMBDA t: list_contains(json_extract_string(t, '$.category.coding[*].code'), category))[1];
