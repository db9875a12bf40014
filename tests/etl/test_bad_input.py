"""A bad record never stops a load and never vanishes: it is rejected with its reason, its place and its text, and its neighbours are loaded."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import plait
from tiny_study import FILES, SECRETS, SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENTS = """\
MRN-4711,1951-03-01,,Zebulon,Quux,white,nonhispanic,M
MRN-4712,1961-07-14,2021-11-30,Perpetua,Quux,black,nonhispanic,F
MRN-4721,1990-02-30,,Ignatius,Blenk,white,nonhispanic,M
MRN-4722,1990-05-05,1989-01-01,Leocadia,Blenk,white,nonhispanic,F
,1990-06-06,,Nobody,Blenk,white,nonhispanic,F
MRN-4723,,,Unborn,Blenk,white,nonhispanic,F
"""
ENCOUNTERS = """\
V-1,2020-01-10T09:00:00Z,2020-01-10T19:30:00Z,MRN-4711,ambulatory,162673000,General examination of patient
V-5,2020-02-11T10:00:00Z,yesterday,MRN-4712,ambulatory,162673000,General examination of patient
"""
CONDITIONS = """\
2020-05-01,,MRN-4711,V-1,49727002,"Cough
a ""dry"" one, as Zebulon says"
2021-02-30,,MRN-4711,V-1,49727002,Cough
2020-05-03,,MRN-9999,V-1,49727002,Cough
,,MRN-4711,V-1,49727002,Cough
2020-05-05,,MRN-4711,V-1,49727002,Cough,of,a,kind
2020-05-06,,MRN-4711
2020-05-07,,MRN-4711,V-1,49727002,Co\0ugh
2020-05-08,,MRN-4711,V-1,49727002,Cough

2020-05-08,,MRN-4711,V-1,49727002,Cough
2020-05-09T25:00:00Z,,MRN-4711,V-1,49727002,Cough
2020-05-10,,MRN-4721,V-1,49727002,Cough
2020-05-11,,MRN-4712,V-77,49727002,Cough
2020-05-12,,MRN-4711,V-1,,Cough
infinity,,MRN-4711,V-1,49727002,Cough
2020-05-14,soon,MRN-4711,V-1,49727002,Cough
2020-05-15,,MRN-4712,V-2,49727002,Cough
"""
OBSERVATIONS = """\
DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS,TYPE
2020-01-10,MRN-4711,V-1,29463-7,Body weight,71.5,kg,numeric
2020-01-11,MRN-4711,V-1,29463-7,Body weight,"71,5",kg,numeric
2020-01-12,MRN-4711,V-1,29463-7,Body weight,NaN,kg,numeric
"""
NOTES = """\
note_id,person,visit,datetime,type,title,file
N-1,MRN-4711,V-1,2020-01-10T09:15:00Z,11506-3,Zebulon's visit,texts/one.txt
N-2,MRN-4712,V-2,2020-02-11T10:15:00Z,11506-3,Perpetua's visit,texts/two.txt
N-3,MRN-4713,V-3,2020-03-12T11:15:00Z,11506-3,Thaddeus's visit,texts/gone.txt
N-4,MRN-9999,,2020-03-12T11:15:00Z,11506-3,Nobody's visit,texts/four.txt
"""
TEXTS = {"one": "Zebulon snores like a walrus.\n", "two": "", "four": "MRN-9999 is nobody's number.\n", "forgotten": "Ottoline snores like a walrus.\n"}

REJECTS = {
    ("patients", "person", 5): ("duplicate_key", None),
    ("patients", "person", 7): ("invalid_time", "birth"),
    ("patients", "person", 9): ("missing_value", "person"),
    ("patients", "person", 10): ("missing_value", "birth"),
    ("patients", "death", 8): ("death_before_birth", None),
    ("encounters", "visit", 5): ("duplicate_key", None),
    ("encounters", "visit", 6): ("invalid_time", "end"),
    ("conditions", "event", 6): ("invalid_time", "start"),
    ("conditions", "event", 7): ("unknown_person", "person"),
    ("conditions", "event", 8): ("missing_value", "start"),
    ("conditions", "event", 9): ("field_count", None),
    ("conditions", "event", 10): ("field_count", None),
    ("conditions", "event", 11): ("nul_byte", None),
    ("conditions", "event", 14): ("invalid_time", "start"),
    ("conditions", "event", 15): ("unknown_person", "person"),
    ("conditions", "event", 17): ("missing_value", "code"),
    ("conditions", "event", 18): ("invalid_time", "start"),
    ("conditions", "event", 19): ("invalid_time", "end"),
    ("notes", "note", 2): ("missing_value", "body"),
    ("notes", "note", 3): ("missing_file", None),
    ("notes", "note", 4): ("unknown_person", "person"),
}
"""Reason and column by file, shape and record number. Record 5 of patients or 1, and of encounters 5 or 1: one of the two stands."""


@pytest.fixture(scope="module")
def faulty(make_tiny: Callable[[], Tiny]) -> Tiny:
    """Give a study with every fault that a record can have, run once."""
    study = make_tiny()
    for stem, more in (("patients", PATIENTS), ("encounters", ENCOUNTERS), ("conditions", CONDITIONS)):
        study.write(stem, FILES[stem] + more)
    study.write("observations", OBSERVATIONS)
    texts = study.path / "data" / "notes" / "texts"
    texts.mkdir(parents=True)
    (texts.parent / "notes.csv").write_text(NOTES, encoding="utf-8")
    for name, text in TEXTS.items():
        (texts / f"{name}.txt").write_text(text, encoding="utf-8")
    study.settings(SETTINGS + "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n")
    shown = study.plait("etl", "run")
    assert shown.code == 0, shown.err
    assert [secret for secret in SECRETS if secret in shown.out + shown.err] == []
    return study


@pytest.fixture(scope="module")
def rejects(faulty: Tiny) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Give all rejects as the command line lists them, by file, shape and record."""
    shown = faulty.plait("etl", "rejects", "--json", "--limit", "1000")
    assert (shown.code, shown.err) == (0, "")
    return {(row["file"], row["shape"], row["record"]): row for row in json.loads(shown.out)}


@pytest.fixture(scope="module")
def study(faulty: Tiny) -> plait.Study:
    return plait.open(faulty.path)


def _place(key: tuple[str, str, int], rejects: dict[tuple[str, str, int], dict[str, Any]]) -> tuple[str, str, int]:
    """Give where a reject stands: of two records with one key the one with the smaller digest is kept, whichever comes first."""
    file, shape, record = key
    twin = {("patients", "person", 5): 1, ("encounters", "visit", 5): 1}.get(key)
    return (file, shape, twin) if twin is not None and (file, shape, twin) in rejects else (file, shape, record)


def test_every_fault_is_rejected_and_nothing_else(rejects: dict[tuple[str, str, int], dict[str, Any]]) -> None:
    expected = {_place(key, rejects): value for key, value in REJECTS.items()}
    whole = {key for key in rejects if key[0] in {"patients", "encounters"} and key[1] not in {"person", "visit"}}
    found = {key: (row["reason"], row["detail"]) for key, row in rejects.items() if key not in whole or key in expected}
    assert found == expected
    assert {(key[1], rejects[key]["reason"]) for key in whole} <= {("death", "unknown_person"), ("death", "death_before_birth"), ("cost", "invalid_time")}


def test_raw_text_is_that_of_the_record(rejects: dict[tuple[str, str, int], dict[str, Any]]) -> None:
    raw = {number: json.loads(rejects["conditions", "event", number]["raw"]) for number in (6, 7, 8, 9, 10, 11, 14)}
    header = FILES["conditions"].splitlines()[0].split(",")
    assert raw[6] == {"START": "2021-02-30", "PATIENT": "MRN-4711", "ENCOUNTER": "V-1", "CODE": "49727002", "DESCRIPTION": "Cough"}
    assert raw[7]["PATIENT"] == "MRN-9999"
    assert "START" not in raw[8]
    assert [value for value in raw[9].values() if value] == ["2020-05-05", "MRN-4711", "V-1", "49727002", "Cough", "of", "a", "kind"]
    assert raw[10] == {"START": "2020-05-06", "PATIENT": "MRN-4711"}
    assert raw[11]["DESCRIPTION"] == "Co\0ugh"
    assert set(raw[14]) <= set(header)
    assert all(row["path"].endswith(f"{file}.csv") for (file, _, _), row in rejects.items())


def test_reasons_can_be_picked(faulty: Tiny) -> None:
    rows = json.loads(faulty.plait("etl", "rejects", "--json", "--reason", "field_count").out)
    assert [(row["file"], row["record"]) for row in rows] == [("conditions", 9), ("conditions", 10)]
    assert len(json.loads(faulty.plait("etl", "rejects", "--json", "--limit", "2").out)) == 2


def test_ledger_balances(study: plait.Study, rejects: dict[tuple[str, str, int], dict[str, Any]]) -> None:
    ledger = study.status()["ledger"]
    assert [row for row in ledger if row["read"] != row["loaded"] + row["merged"] + row["rejected"] + row["ignored"]] == []
    counted = Counter((file, shape) for file, shape, _ in rejects)
    assert {(row["file"], row["shape"]): row["rejected"] for row in ledger if row["rejected"]} == counted
    read = {(row["file"], row["shape"]): row["read"] for row in ledger}
    assert read["conditions", "event"] == 4 + 16
    assert read["patients", "person"] == 4 + 6
    assert read["notes", "note"] == 4
    assert [row["merged"] for row in ledger if row["file"] == "conditions"] == [1]


def test_neighbours_are_loaded(study: plait.Study) -> None:
    persons = study.table("person")["person_source_value"].to_list()
    assert sorted(persons) == ["MRN-4711", "MRN-4712", "MRN-4713", "MRN-4714", "MRN-4722"]
    coughs = study.table("condition_occurrence").filter(pl.col("condition_source_value") == "49727002")
    days = sorted(str(day) for day in coughs["condition_start_date"])
    assert days == ["2020-03-12", "2020-05-01", "2020-05-08", "2020-05-11", "2020-05-15"]
    assert coughs.filter(pl.col("condition_start_date").cast(str) == "2020-05-11")["visit_occurrence_id"].to_list() == [None]
    assert study.table("death").height == 1
    assert study.table("visit_detail").height == 4


def test_quoted_newline_keeps_record_and_line_numbers_true(study: plait.Study) -> None:
    rows = study.table("condition_occurrence").filter(pl.col("condition_start_date").cast(str).is_in(["2020-05-01", "2020-05-15"]))
    places = {}
    for row in rows.iter_rows(named=True):
        (record,) = study.trace("condition_occurrence", row["condition_occurrence_id"])["records"]
        places[str(row["condition_start_date"])] = (record["record"], record["line"], record["raw"]["DESCRIPTION"])
    assert places == {"2020-05-01": (5, 6, 'Cough\na "dry" one, as Zebulon says'), "2020-05-15": (20, 23, "Cough")}


def test_duplicate_goes_into_its_twin(study: plait.Study) -> None:
    (row,) = study.table("condition_occurrence").filter(pl.col("condition_start_date").cast(str) == "2020-05-08").iter_rows(named=True)
    found = study.trace("condition_occurrence", row["condition_occurrence_id"])["records"]
    assert [(record["role"], record["record"]) for record in found] == [("loaded", 12), ("merged", 13)]


def test_number_that_is_none_is_kept_as_text_and_noticed(study: plait.Study) -> None:
    values = study.table("measurement").sort("measurement_date")["value_as_number"].to_list()
    assert values == [71.5, None, None]
    assert study.table("measurement").sort("measurement_date")["value_source_value"].to_list() == ["71.5", "71,5", "NaN"]
    notices = {(row["file"], row["kind"]): row["records"] for row in study.status()["notices"]}
    assert notices["observations", "unparsed_number"] == 2
    assert notices["conditions", "unknown_visit"] == 1


def test_texts_are_accounted_for(study: plait.Study) -> None:
    (texts,) = [row for row in study.status()["ledger"] if row["file"] == "texts"]
    assert {key: texts[key] for key in ("read", "merged", "ignored")} == {"read": 4, "merged": 3, "ignored": 1}
    assert [(row["reason"], row["records"]) for row in study.status()["reasons"] if row["file"] == "texts"] == [("not_in_manifest", 1)]
    assert study.table("note")["note_text"].to_list() == [TEXTS["one"]]


def test_second_run_writes_nothing(faulty: Tiny) -> None:
    before = faulty.versions()
    assert "Nothing has changed since run 1" in faulty.plait("etl", "run").out
    assert faulty.versions() == before


def test_books_shown_to_people_name_no_patient(faulty: Tiny) -> None:
    shown = faulty.plait("etl", "status")
    assert shown.code == 0
    assert [secret for secret in SECRETS if secret in shown.out + shown.err] == []
