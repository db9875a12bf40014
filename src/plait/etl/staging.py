"""The staged shapes: the contract between a source and everything after it.

A source yields rows of these shapes and nothing else; the harmonizer knows no source. A source's SELECT
names the columns it can fill, in any order; the others are null. Values are text as delivered: plait
parses times and numbers, and what cannot be parsed is rejected with its column's name, or, where the
column is a `Reading`, left null and noticed.

Beside its columns every SELECT yields `_pointer`, the record's place in its file, and it may yield
`_part` (a number, where one record gives several rows of a shape), `_ignore` (the name of the rule by
which the record is left out), `_reject` (the reason why it cannot be used) and `_merge_key` (rows of one
person and file with one such key are one fact: one row stands for it, the others are merged into it).
"""

from __future__ import annotations

from plait.etl.adopted import ADOPTED, fields_of
from plait.etl.shape import Number, OneOf, Reading, Shape, Text, Time
from plait.schema.reasons import SAID_BY_SOURCES

_COUNT = 2**31 - 1
"""What a count in the CDM, an integer, stays below."""

_AMOUNT = 1e12
"""What an amount of money stays below, so that sums of many fit 14 digits before the point."""


class Person(Shape):
    """Somebody whom a source knows."""

    name, key, adopts = "person", "person", fields_of("person")
    person = Text("identifier of the person in the source's person system", required=True)
    birth = Time("date of birth", required=True)
    gender = Text("code of the gender (sex at birth, OMOP PERSON)")
    gender_system = Text("code system of `gender`")
    race = Text("code of the race")
    race_system = Text("code system of `race`")
    ethnicity = Text("code of the ethnicity")
    ethnicity_system = Text("code system of `ethnicity`")
    location = Text("key of the home location")
    provider = Text("key of the primary care provider")
    care_site = Text("key of the primary care site")


class Death(Shape):
    """That a person died; of several records of one person the lowest `rank` gives the date."""

    name, adopts = "death", fields_of("death")
    person = Text("the person", required=True)
    start = Time("when the person died", required=True)
    known_time = Time("when the record became available")
    cause = Text("code of the cause")
    cause_system = Text("code system of `cause`")
    type = Text("where the record comes from, a name in `type_concepts.csv`")
    rank = Number("order of trust, lowest first", below=_COUNT)


class Visit(Shape):
    """An encounter as the source counts encounters; what belongs together is rolled up later."""

    name, key = "visit", "visit"
    person = Text("the person", required=True)
    visit = Text("identifier of the encounter", required=True)
    start = Time("when it began", required=True)
    end = Time("when it ended")
    code = Text("code of its class (inpatient, emergency, …)")
    code_system = Text("code system of `code`")
    kind = Text("code of its kind, finer than its class")
    kind_system = Text("code system of `kind`")
    display = Text("the source's words for `kind`")
    type = Text("where the record comes from, a name in `type_concepts.csv`")
    provider = Text("key of the provider in charge")
    care_site = Text("key of the care site")
    admitted_from = Text("code of where the person came from")
    admitted_from_system = Text("code system of `admitted_from`")
    discharged_to = Text("code of where the person went")
    discharged_to_system = Text("code system of `discharged_to`")
    episode = Text("key of the episode that the encounter belongs to")
    known_time = Time("when the record became available")


class Event(Shape):
    """Anything that was found, done, given or measured at a time: the heart of the contract."""

    name = "event"
    person = Text("the person", required=True)
    visit = Text("identifier of the encounter it belongs to")
    provider = Text("key of the provider; the encounter's own where null and the source says so")
    start = Time("when it happened or began", required=True)
    end = Time("when it ended")
    known_time = Time("when the record became available; the time of the event where null")
    code = Text("what it is", required=True)
    code_system = Text("code system of `code`: a name that the source's `code_systems` knows, or a vocabulary_id", required=True)
    alternative = Text("another code of the same thing, which counts where `code` has no standard concept and this one has")
    alternative_system = Text("code system of `alternative`")
    alternative_2 = Text("a third code, which counts where neither of the others has one")
    alternative_2_system = Text("code system of `alternative_2`")
    source_value = Text("what stands in the CDM's source value; `code` where null")
    display = Text("the source's words for `code`")
    domain = Text("hint: the OMOP domain where the concept, being unknown, does not say it", required=True)
    fixed_domain = Text("the OMOP domain whatever the concept's own is (an allergy to a drug is no exposure)")
    value_text = Text("a value as delivered")
    value_number = Reading("the value as a number")
    value_code = Text("a value that is a code")
    value_system = Text("code system of `value_code`")
    unit = Text("unit of the value, UCUM or the source's own")
    range_low = Reading("lower end of the normal range")
    range_high = Reading("upper end of the normal range")
    operator = Text("=, <, <=, > or >= before the value")
    quantity = Reading("how much", below=_COUNT)
    days_supply = Reading("days that a drug was supplied for", below=_COUNT)
    refills = Reading("refills after the first supply", below=_COUNT)
    route = Text("code of the route")
    route_system = Text("code system of `route`")
    sig = Text("directions for use")
    stop_reason = Text("why it stopped")
    unique_device = Text("unique device identifier")
    status = Text("code of the condition's status")
    status_system = Text("code system of `status`")
    modifier = Text("code of a modifier or qualifier")
    modifier_system = Text("code system of `modifier`")
    episode = Text("key of the episode that it belongs to")
    accession = Text("accession number of the imaging study that was made by it, or its UID, or that of one of its series: it is then a procedure")
    modifies = Text("key of the episode whose disease it tells more of, as a stage, a grade or a receptor does")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Absence(Shape):
    """That something was not done, or has no value, and why: a reason for the feature store, and no row of the CDM."""

    name = "absence"
    person = Text("the person", required=True)
    visit = Text("identifier of the encounter it belongs to")
    start = Time("when it would have been", required=True)
    end = Time("when it would have ended")
    known_time = Time("when the record became available; the time itself where null")
    code = Text("what is not there", required=True)
    code_system = Text("code system of `code`: a name that the source's `code_systems` knows, or a vocabulary_id", required=True)
    alternative = Text("another code of the same thing, which counts where `code` has no standard concept and this one has")
    alternative_system = Text("code system of `alternative`")
    alternative_2 = Text("a third code, which counts where neither of the others has one")
    alternative_2_system = Text("code system of `alternative_2`")
    display = Text("the source's words for `code`")
    domain = Text("hint: the OMOP domain where the concept, being unknown, does not say it", required=True)
    reason = OneOf("why: " + ", ".join(f"`{reason.name}`" for reason in SAID_BY_SOURCES), required=True, words=tuple(reason.name for reason in SAID_BY_SOURCES))


class Note(Shape):
    """A text that somebody wrote about a person."""

    name, key = "note", "note"
    person = Text("the person", required=True)
    note = Text("identifier of the note", required=True)
    start = Time("when it was written", required=True)
    known_time = Time("when it became available")
    visit = Text("identifier of the encounter it belongs to")
    provider = Text("key of its author")
    document_type = Text("code of the kind of document (LOINC document ontology)")
    document_type_system = Text("code system of `document_type`")
    title = Text("its title")
    body = Text("the text itself", required=True)
    text_file = Text("path of the file that holds the text, below the source's folder")
    encoding = Text("how the file's bytes were encoded (`UTF-8`)")
    language = Text("language as ISO 639-1 (`en`)")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Provider(Shape):
    """Somebody who gives care."""

    name, key, of_person, adopts = "provider", "provider", False, fields_of("provider")
    provider = Text("identifier of the provider", required=True)
    provider_name = Text("name")
    npi = Text("National Provider Identifier")
    dea = Text("Drug Enforcement Administration number")
    specialty = Text("code of the specialty")
    specialty_system = Text("code system of `specialty`")
    care_site = Text("key of the care site where the provider works")
    gender = Text("code of the gender")
    gender_system = Text("code system of `gender`")


class CareSite(Shape):
    """A place or organisation where care is given."""

    name, key, of_person, adopts = "care_site", "care_site", False, fields_of("care_site")
    care_site = Text("identifier of the care site", required=True)
    care_site_name = Text("name")
    place_of_service = Text("code of the kind of place")
    place_of_service_system = Text("code system of `place_of_service`")
    location = Text("key of its location")


class Location(Shape):
    """An address; the same address under one key is one location."""

    name, key, same_key, of_person, adopts = "location", "location", "merge", False, fields_of("location")
    location = Text("key of the location", required=True)
    address_1 = Text("street and number")
    address_2 = Text("further line")
    city = Text("city")
    state = Text("state, two letters in the US")
    zip = Text("postal code")
    county = Text("county")
    country = Text("code of the country")
    country_system = Text("code system of `country`")
    latitude = Reading("degrees north")
    longitude = Reading("degrees east")
    source_value = Text("the location as delivered")


class PayerPeriod(Shape):
    """A span of time in which a payer covered a person."""

    name = "payer_period"
    person = Text("the person", required=True)
    start = Time("first day", required=True)
    end = Time("last day", required=True)
    known_time = Time("when the record became available")
    payer = Text("key of the payer")
    plan = Text("name or key of the plan")
    sponsor = Text("who pays the premium")
    family = Text("identifier of the family or member")
    stop_reason = Text("why it ended")


class Period(Shape):
    """A span of time in which the source records what happens to a person; read where `observation_period.rule` is `source`."""

    name = "period"
    person = Text("the person", required=True)
    start = Time("first day", required=True)
    end = Time("last day", required=True)
    known_time = Time("when the record became available")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Episode(Shape):
    """A phase of a disease, or a treatment, that joins events and visits; they name its key."""

    name, key = "episode", "episode"
    person = Text("the person", required=True)
    episode = Text("identifier of the episode", required=True)
    start = Time("when it began", required=True)
    end = Time("when it ended")
    known_time = Time("when the record became available")
    code = Text("code of its kind (a first occurrence, a treatment regimen, …)", required=True)
    code_system = Text("code system of `code`", required=True)
    display = Text("the source's words for `code`")
    object = Text("code of the disease or the treatment that it is about")
    object_system = Text("code system of `object`")
    parent = Text("identifier of the episode that it is a part of")
    number = Number("its place in a sequence of episodes (a line of treatment)", below=_COUNT)
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Cost(Shape):
    """An entry of a bill, or what one record of another shape cost."""

    name = "cost"
    person = Text("the person", required=True)
    start = Time("when it was charged or paid", required=True)
    known_time = Time("when the record became available")
    entry = Text("total: a row of its own; charge, payment, adjustment, transfer: about one item of a bill; header: about the whole bill", required=True)
    of_record = Text("`event` or `visit`: the entry is the cost of what the same record gave as that shape")
    visit = Text("identifier of the encounter it was charged for")
    bill = Text("identifier of the bill or claim")
    item = Text("what was charged, one line of the bill")
    amount = Number("amount of the entry", below=_AMOUNT)
    paid_by = Text("`payer` or `patient`, of a payment")
    charge = Number("amount charged, of a total", below=_AMOUNT)
    paid_by_payer = Number("part that the payer paid, of a total", below=_AMOUNT)
    payer = Text("key of the payer")
    currency = Text("currency of the amounts as ISO 4217 (`USD`)")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Specimen(Shape):
    """A sample of a person's tissue or fluid; assays and variants name its key."""

    name, key = "specimen", "specimen"
    person = Text("the person", required=True)
    specimen = Text("identifier of the specimen", required=True)
    start = Time("when it was taken", required=True)
    known_time = Time("when the record became available")
    code = Text("code of its type (tissue, blood, …)", required=True)
    code_system = Text("code system of `code`", required=True)
    display = Text("the source's words for `code`")
    site = Text("code of the anatomic site")
    site_system = Text("code system of `site`")
    status = Text("code of the disease status (normal, primary tumour, metastasis, …)")
    status_system = Text("code system of `status`")
    quantity = Reading("how much")
    unit = Text("unit of `quantity`")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Assay(Shape):
    """That an assay measured a specimen: one item (a row) of its matrix. Items of one specimen share a `_merge_key`."""

    name = "assay"
    person = Text("the person", required=True)
    specimen = Text("identifier of the specimen")
    assay = Text("name of the assay, `SOURCE.NAME`; it names its file", required=True)
    item = Text("identifier of the item in the matrix", required=True)
    start = Time("when it was measured; when the specimen was taken, where null")
    known_time = Time("when the record became available")
    panel = Text("name of the gene panel; the one whose `samples` fit, where null")
    layer = Text("what the values are: counts, tpm, log1p, beta, gistic, …")
    features = Number("how many features the item has")
    missing = Number("how many of them have no value")
    infinite = Number("how many of them are infinite")
    value_sha256 = Text("SHA-256 of the item's values")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Feature(Shape):
    """What a column of an assay's matrix measures."""

    name, key, of_person, adopts = "feature", "feature", False, fields_of("omics_feature")
    feature = Text("key of the feature: the assay's name, a slash, and the feature's", required=True)
    assay = Text("name of the assay, as in the shape `assay`", required=True)
    gene = Text("the gene as delivered: an Ensembl id or a symbol", required=True)


class Variant(Shape):
    """A variant of a gene that was found in a specimen."""

    name = "variant"
    person = Text("the person", required=True)
    specimen = Text("identifier of the specimen", required=True)
    assay = Text("name of the assay, `SOURCE.NAME`", required=True)
    start = Time("when it was found; when the specimen was taken, where null")
    known_time = Time("when the record became available")
    gene = Text("the gene as delivered: an Ensembl id or a symbol", required=True)
    code = Text("what a concept is looked up by (`GENE:p.…`)")
    code_system = Text("code system of `code`")
    display = Text("the source's words for it")
    genome_build = Text("the reference genome: GRCh37, GRCh38")
    chromosome = Text("chromosome")
    position = Number("first position, counted from 1")
    end_position = Number("last position")
    reference = Text("allele of the reference")
    alternate = Text("allele that was found")
    hgvs_c = Text("the change of the transcript (HGVS)")
    hgvs_p = Text("the change of the protein (HGVS)")
    transcript = Text("the transcript that the changes are told on")
    variant_class = Text("its consequence, a MAF Variant_Classification or `Fusion`")
    variant_type = Text("SNP, INS, DEL, …")
    partner = Text("the other gene, of a fusion")
    partner_chromosome = Text("where the other breakpoint of a structural variant is: its chromosome")
    partner_position = Number("where it is: its position")
    mutation_status = Text("somatic or germline, as the source says")
    alternate_depth = Reading("reads with the alternate allele")
    reference_depth = Reading("reads with the reference allele")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Image(Shape):
    """A file of an image: an instance of a DICOM series, or a slide. Files of one `image` are one IMAGE_OCCURRENCE, and share a `_merge_key`."""

    name = "image"
    person = Text("the person", required=True)
    image = Text("identifier of the image: the UID of its series, or the slide's", required=True)
    start = Time("when it was taken; when the specimen was, where null")
    known_time = Time("when it became available")
    study = Text("identifier of the study that it belongs to (Study Instance UID)", required=True)
    accession = Text("accession number of the study")
    visit = Text("identifier of the encounter it belongs to")
    specimen = Text("identifier of the specimen that a slide shows")
    modality = Text("code of the modality (CT, MR, SM, …)", required=True)
    modality_system = Text("code system of `modality`")
    site = Text("code of the anatomic site")
    site_system = Text("code system of `site`")
    procedure = Text("code of the procedure by which it was made, where no event has its accession number")
    procedure_system = Text("code system of `procedure`")
    uri = Text("where the file is: below the source's path, or a URL", required=True)
    instance = Text("identifier of the file's content (SOP Instance UID)")
    instances = Number("how many files a reference stands for", below=_COUNT)
    size_bytes = Number("size of the file, or of all that a reference stands for")
    mtime_ns = Number("its time of modification, in nanoseconds")
    derived_from = Text("identifier of the image that it was made from (a segmentation's series)")
    geometry = Text("size, spacing and orientation, as JSON")
    flag = Text("what is odd about it, noticed by this name")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class ImageFeature(Shape):
    """What an image says of itself or of another: an acquisition fact, a segment, a measurement. Equal ones share a `_merge_key`."""

    name = "image_feature"
    person = Text("the person", required=True)
    image = Text("identifier of the image that it tells of", required=True)
    start = Time("when it was found; when the image was taken, where null")
    known_time = Time("when it became available")
    code = Text("what it is (slice thickness, a segment of the liver, …)", required=True)
    code_system = Text("code system of `code`", required=True)
    display = Text("the source's words for `code`")
    value_number = Reading("its value")
    unit = Text("unit of the value, UCUM")
    value_text = Text("its value in words, or a date")
    finding = Text("code of what was found")
    finding_system = Text("code system of `finding`")
    site = Text("code of the anatomic site")
    site_system = Text("code system of `site`")
    algorithm = Text("the algorithm that found it")
    found_in = Text("identifier of the image (a segmentation, a report) that says it")
    type = Text("where the record comes from, a name in `type_concepts.csv`")


class Link(Shape):
    """That a person has an identifier: links of one `person` join their identifiers."""

    name, of_person = "link", False
    person = Text("a label for the person, that nothing else uses", required=True)
    link_system = Text("system of the identifier", required=True)
    identifier = Text("the identifier", required=True)


OWN: dict[str, type[Shape]] = {
    shape.name: shape
    for shape in (
        Person,
        Death,
        Visit,
        Event,
        Absence,
        Note,
        Provider,
        CareSite,
        Location,
        PayerPeriod,
        Period,
        Episode,
        Cost,
        Specimen,
        Assay,
        Feature,
        Variant,
        Image,
        ImageFeature,
        Link,
    )
}
"""Every shape that any source may give, by its name."""

SHAPES: dict[str, type[Shape]] = OWN | ADOPTED
"""Every shape by its name: those, and the tables of a CDM that is adopted row by row."""

CLAIMED = ("specimen", "image")
"""Columns that name what is one person's: what several persons claim goes to none of them."""
