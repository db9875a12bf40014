"""What is wrong with a delivery is in the books with its line, and never in the way of the rest."""

from __future__ import annotations

import gzip
import json
from typing import Any

import duckdb
import pytest

import plait
from plait.duck import sql
from plait.errors import InputFileError
from tiny_fhir import MRN, SNOMED, Ward, concept, document, encoded, fates, observation, patient, quantity, reasons, ref


def condition(key: str, code: str = "44054006", **more: object) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": key, "code": concept(SNOMED, code), "subject": ref("Patient/p1"), "onsetDateTime": "2020-01-01"} | more


def write_lines(ward: Ward) -> None:
    """Write lines that are no resources, and resources that are not as they should be."""
    whole = json.dumps(condition("c1"))
    ward.text(
        "lines.ndjson",
        b"\xef\xbb\xbf"
        + whole.encode()
        + b"\r\n\n   \n{not json}\n"
        + json.dumps(condition("c2", code="49727002")).encode().replace(b"49727002", b"4972\xff02")
        + b"\n[1, 2]\n"
        + whole.encode()[:60],
    )
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    ward.lines(
        "odd.ndjson",
        condition("nobody", subject=ref("Patient/ghost")),
        condition("no-reference", subject=None),
        condition("unknown-system") | {"code": {"coding": [{"system": "https://example.org/codes|3", "code": "X1"}]}},
        json.dumps(condition("deep")).replace('"onsetDateTime"', f'"extension": [{deep}], "onsetDateTime"'),
        json.dumps(condition("large") | {"note": [{"text": "x" * (20 << 20)}]}),
        condition("not-a-date", onsetDateTime="30/02/2020"),
        {"resourceType": "Condition", "id": "types", "code": "44054006", "subject": ["Patient/p1"], "onsetDateTime": {"a": 1}, "verificationStatus": 7},
        {"resourceType": 5, "id": "type-is-a-number"},
        observation("names", "2160-0", status="cancelled", _fault="x", _pointer="x", _key="x", ID="x", Code="x", cODE="x", **{"a b": 1, "x'); DROP": 1, "": 1})
        | {f"own{number}": number for number in range(500)},
        observation("cycle-1", "2160-0", hasMember=[ref("Observation/cycle-2")]),
        observation("cycle-2", "2160-0", hasMember=[ref("Observation/cycle-1")]),
        observation("odd-parts", "2160-0", component={"code": "x"}, valueQuantity=quantity(1, "mg/dL")),
        observation("a-word", "2160-0", valueQuantity={"value": "haemolysed", "unit": "mg/dL"}),
    )


def write_patients(ward: Ward) -> None:
    """Write two patients of one number, one whose number somebody else has in another system, and versions of records."""
    ward.lines(
        "people.ndjson",
        patient("p1", "M1"),
        patient("p1-again", "M1", birthDate="1961-01-01"),
        patient("p2", "M2", identifier=[{"system": MRN, "value": "M2"}, {"system": "https://other.example", "value": "7"}]),
        patient("p4", "M4", link=[{"other": ref("Patient/p2"), "type": "replaced-by"}]),
        patient("p3", "M3", identifier=[{"system": MRN, "value": "M3"}, {"system": "https://other.example", "value": "7"}]),
    )
    ward.lines(
        "versions.ndjson",
        condition("v", code="254637007", meta={"lastUpdated": "2020-01-01T00:00:00Z"}),
        condition("v", code="195967001", meta={"lastUpdated": "2020-02-01T00:00:00+01:00"}),
        condition("of-two", subject=ref("Patient?identifier=https://other.example|7")),
        condition("of-one", subject={"identifier": {"system": MRN, "value": "M2"}}),
        condition("of-the-replaced", code="195967001", subject=ref("Patient/p4")),
        condition("again", code="22298006"),
    )
    inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": condition("again", code="22298006")}]}
    ward.text("nested/array.json", json.dumps([{"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": inner}]}]))


def write_documents(ward: Ward) -> None:
    """Write documents whose texts are to be found, or not, in all ways."""
    ward.text("texts/letter one.txt", "A letter.\n")
    ward.text("secret.txt", "not a letter")
    plain = "text/plain"
    ward.lines(
        "documents.ndjson",
        document("by-url", {"contentType": plain, "url": "letter%20one.txt"}),
        document("outside", {"contentType": plain, "url": "../secret.txt"}),
        document("outside-2", {"contentType": plain, "url": "file:///etc/passwd"}),
        document("missing", {"contentType": plain, "url": "no-such.txt"}),
        document("elsewhere", {"contentType": plain, "url": "https://server.example/letter.txt"}),
        document("not-base64", {"contentType": plain, "data": "%%%"}),
        document("utf-16", {"contentType": "text/plain; charset=UTF-16LE", "data": encoded("Größe", "utf-16-le")}),
        document("utf-16-unsaid", {"contentType": plain, "data": encoded("Größe", "utf-16")}),
        document("latin-1-unsaid", {"contentType": plain, "data": encoded("Größe", "latin-1")}),
        document("unknown-charset", {"contentType": "text/plain; charset=klingon", "data": encoded("x")}),
        document("pdf", {"contentType": "application/pdf", "data": encoded("%PDF")}),
        document("nothing", {}),
        document("long", {"contentType": plain, "data": encoded("0123456789" * 1_000_000)}),
        document("in-binary", {"contentType": plain, "url": "https://server.example/fhir/Binary/b1"}),
        {"resourceType": "Binary", "id": "b1", "contentType": plain, "data": encoded("From the archive.")},
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> plait.Study:
    ward = Ward(tmp_path_factory.mktemp("bad"))
    write_lines(ward)
    write_patients(ward)
    write_documents(ward)
    return ward.run(attachments="texts")


def raw_of(study: plait.Study, reason: str) -> set[str]:
    """Give where the records stand that were rejected for a reason."""
    query = "SELECT json_extract_string(raw, '$._place') FROM plait.rejects WHERE reason = $reason"
    return {place for (place,) in study.connect().execute(query, {"reason": reason}).fetchall()}


def test_lines_that_are_no_json_are_rejected_by_file_and_line(study: plait.Study) -> None:
    assert raw_of(study, "invalid_json") == {"lines.ndjson:4", "lines.ndjson:7"}
    assert raw_of(study, "invalid_encoding") >= {"lines.ndjson:5"}
    assert raw_of(study, "no_resource") == {"lines.ndjson:6#1", "lines.ndjson:6#2"}
    assert fates(study)["other", "event"] == (7, 0, 0, 5, 2)
    assert reasons(study, "ignored")["other", "event", "unused_file"] == 1  # secret.txt: what stands below `attachments` is no record


def test_every_other_resource_ends_as_it_should(study: plait.Study) -> None:
    rejected = reasons(study, "rejected")
    assert rejected["Condition", "event", "unknown_person"] == 2  # nobody, and whoever of two has an identifier
    assert rejected["Condition", "event", "missing_value"] == 2
    assert rejected["Condition", "event", "invalid_time"] == 1
    assert rejected["Patient", "person", "duplicate_key"] == 1
    assert reasons(study, "ignored")["Condition", "event", "superseded"] == 1
    assert reasons(study, "ignored")["Observation", "event", "no_value"] == 2
    assert fates(study)["Condition", "event"] == (15, 8, 1, 5, 1)


def test_odd_elements_are_as_if_they_were_absent(study: plait.Study) -> None:
    con = study.connect()
    assert con.execute("SELECT count(*) FROM cdm.measurement WHERE value_as_number = 1").fetchone() == (1,)
    assert con.execute("SELECT value_source_value, value_as_number FROM cdm.measurement WHERE value_as_number IS NULL").fetchall() == [("haemolysed", None)]
    assert con.execute("SELECT kind, records FROM plait.notices WHERE kind = 'unparsed_number'").fetchall() == [("unparsed_number", 1)]
    unknown = con.execute("SELECT condition_concept_id FROM cdm.condition_occurrence WHERE condition_source_value = 'X1'").fetchall()
    assert unknown == [(0,)]


def test_elements_of_any_name_do_no_harm_and_some_are_told_of(study: plait.Study) -> None:
    unaccounted = study.connect().execute("SELECT \"column\" FROM plait.columns WHERE file = 'Observation' AND fate = 'unaccounted'").fetchall()
    assert len(unaccounted) == 100
    assert all(name.startswith("own") for (name,) in unaccounted)
    assert study.connect().execute("SELECT DISTINCT measurement_source_value FROM cdm.measurement").fetchall() == [("2160-0",)]


def test_the_newer_version_and_one_of_two_equal_records_stand(study: plait.Study) -> None:
    codes = [code for (code,) in study.connect().execute("SELECT condition_source_value FROM cdm.condition_occurrence").fetchall()]
    assert codes.count("195967001") == 2  # one is of the patient who was replaced
    assert codes.count("254637007") == 0
    assert codes.count("22298006") == 1


def test_what_was_said_of_a_replaced_patient_is_the_others(study: plait.Study) -> None:
    assert reasons(study, "ignored")["Patient", "person", "replaced"] == 1
    query = """SELECT p.person_source_value FROM cdm.condition_occurrence AS c INNER JOIN cdm.person AS p USING (person_id)
    WHERE c.condition_source_value = '195967001' ORDER BY 1"""
    assert study.connect().execute(query).fetchall() == [("M1",), ("M2",)]


def test_texts_come_from_where_they_may_come_from(study: plait.Study) -> None:
    notes = dict(study.connect().execute("SELECT left(note_text, 20), length(note_text) FROM cdm.note").fetchall())
    assert notes == {"A letter.\n": 10, "Größe": 5, "01234567890123456789": 10_000_000, "From the archive.": 17}
    assert (
        reasons(study, "rejected").items()
        >= {
            ("DocumentReference", "note", "attachment_outside_root"): 2,
            ("DocumentReference", "note", "missing_file"): 1,
            ("DocumentReference", "note", "invalid_base64"): 1,
            ("DocumentReference", "note", "invalid_encoding"): 2,
        }.items()
    )
    assert (
        reasons(study, "ignored").items()
        >= {
            ("DocumentReference", "note", "attachment_elsewhere"): 1,
            ("DocumentReference", "note", "not_text"): 1,
            ("DocumentReference", "note", "no_text"): 1,
        }.items()
    )


def test_a_row_is_traced_to_its_file_and_line(study: plait.Study) -> None:
    row_id = study.connect().execute("SELECT condition_occurrence_id FROM cdm.condition_occurrence WHERE condition_source_value = 'X1'").fetchall()[0][0]
    (record,) = study.trace("condition_occurrence", row_id)["records"]
    assert record["raw"]["_place"] == "odd.ndjson:3"
    assert json.loads(record["raw"]["code"])["coding"][0]["code"] == "X1"


@pytest.mark.parametrize(
    ("name", "content", "got"),
    [
        ("cut.ndjson.gz", gzip.compress(b'{"resourceType": "Patient"}\n' * 2000)[:-30], "a broken one"),
        ("wide.ndjson", '{"resourceType": "Patient"}'.encode("utf-16"), "UTF-16"),
        ("none.ndjson", b'{"a": 1}\n', "none of a type"),
    ],
)
def test_a_file_that_cannot_be_read_stops_the_run(ward: Ward, name: str, content: bytes, got: str) -> None:
    ward.text("x", b"")
    (ward.data / name).write_bytes(content)
    with pytest.raises(InputFileError, match=got):
        ward.run()


def test_a_rerun_writes_nothing_and_a_new_file_changes_only_its_patient(ward: Ward, command: Any) -> None:  # noqa: ANN401 - a fixture
    ward.lines("a.ndjson", patient("p1", "M1"), patient("p2", "M2"), condition("c1"))
    study = ward.run()
    assert command("run", "-s", str(ward.path), "--json").out.count('"changed": false') == 1
    before = study.connect().execute("SELECT * FROM cdm.person ORDER BY ALL").fetchall()
    ward.lines("b.ndjson", condition("c2", code="195967001", subject=ref("Patient/p2")))
    report = plait.open(ward.path).run_etl(threads=1)
    assert [(counts.added, counts.changed, counts.removed) for counts in report.sources] == [(0, 1, 0)]
    after = plait.open(ward.path).connect()
    assert after.execute("SELECT * FROM cdm.person ORDER BY ALL").fetchall() == before
    assert after.execute("SELECT count(*) FROM cdm.condition_occurrence").fetchone() == (2,)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("first", ["2019-01-01", "2019-02-01"]),
        ("middle", ["2019-07-01", "2019-02-15"]),
        ("last", ["2019-12-31", "2019-02-28"]),
        ("reject", ["2019", "2019-02"]),
    ],
)
def test_partial_dates_are_days_as_the_study_says(rule: str, days: list[str]) -> None:
    with duckdb.connect() as con:
        con.execute(sql("plait.etl.sources.fhir", "macros"))
        given = {"rule": rule}
        assert list(con.execute("SELECT fhir_time('2019', $rule), fhir_time('2019-02', $rule)", given).fetchone() or ()) == days
        assert con.execute("SELECT fhir_time('2019-02-03T04:05:06Z', $rule)", given).fetchone() == ("2019-02-03T04:05:06Z",)


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("Patient/1", "1"),
        ("https://server.example/fhir/Patient/1/_history/3", "1"),
        ("urn:uuid:0c0ffee0-0000", "0c0ffee0-0000"),
        ("urn:oid:1.2.3", "1.2.3"),
        ("#med", "home#med"),
        ("#", "home"),
        ("Patient?identifier=https://a.example/b|77", "?https://a.example/b|77"),
        ("Patient?active=true&identifier=https%3A//a.example%7C7", "?https://a.example|7"),
        ("Patient?name=x", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reference_names_a_key_in_all_its_forms(reference: str | None, key: str | None) -> None:
    with duckdb.connect() as con:
        con.execute(sql("plait.etl.sources.fhir", "macros"))
        assert con.execute("SELECT fhir_pointed($reference, NULL, NULL, 'home#other')", {"reference": reference}).fetchone() == (key,)
