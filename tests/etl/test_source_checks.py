"""Checks that `source.yaml` asks for: counted as they are meant, once per file, kept, shown everywhere, and a stop before a commit."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from plait.demo.vocabulary import write_vocabulary
from plait.errors import ConfigError, SourceCheckError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULES: dict[str, Any] = {
    "kind": "ours",
    "description": "made-up files",
    "person_system": "ours",
    "time_formats": ["%d/%m/%Y"],
    "files": {"patients": {"needs": ["id", "born"], "optional": ["sex"]}, "labs": {"needs": ["id", "taken", "test", "result"]}},
}
PERSON = "-- One row: a patient.\nSELECT _pointer, id AS person, born AS birth, sex AS gender, 'S' AS gender_system FROM patients\n"
EVENT = (
    "-- One row: a result.\nSELECT _pointer, id AS person, taken AS start, test AS code, 'T' AS code_system, 'Measurement' AS domain, "
    "result AS value_text FROM labs\n"
)
PATIENTS = [["id", "born", "sex"], *([str(number), f"0{number}/05/19{50 + number}", "FM"[number % 2]] for number in range(1, 6))]
LABS = [["id", "taken", "test", "result"], *([str(1 + n % 5), f"{1 + n % 28:02}/01/2024", "ABC"[n % 3], str(n)] for n in range(30))]


@dataclass(frozen=True)
class Ours:
    """A study with a source of its own, in `path`."""

    path: Path

    def checks(self, **checks: list[dict[str, Any]]) -> None:
        """Replace the checks of its files."""
        files = {name: {**rule, "checks": checks.get(name, [])} for name, rule in RULES["files"].items()}
        (self.path / "ours" / "source.yaml").write_text(yaml.safe_dump({**RULES, "files": files}), encoding="utf-8")

    def write(self, name: str, rows: list[list[str]]) -> None:
        with (self.path / "data" / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)

    def run(self) -> plait.Study:
        study = plait.open(self.path)
        study.run_etl(threads=2)
        return study

    def found(self) -> dict[str, tuple[str, int | None, int | None]]:
        """Run, and give (status, violated, denominator) of each check."""
        return {row["check"].removeprefix("source"): (row["status"], row["violated"], row["denominator"]) for row in self.run().status()["checks"]}


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    return make(tmp_path)


def make(folder: Path) -> Ours:
    study = Ours(folder)
    (folder / "ours").mkdir()
    (folder / "data").mkdir()
    (folder / "ours" / "patients.person.sql").write_text(PERSON, encoding="utf-8")
    (folder / "ours" / "labs.event.sql").write_text(EVENT, encoding="utf-8")
    (folder / "plait.yaml").write_text("study: ours\nvocabulary: athena\nsources:\n  - {name: ours, kind: ./ours, path: data}\n", encoding="utf-8")
    write_vocabulary(folder / "athena")
    study.write("patients", PATIENTS)
    study.write("labs", LABS)
    study.checks()
    return study


def test_each_kind_counts_what_it_says(ours: Ours) -> None:
    rows = [*LABS]
    rows[1], rows[2], rows[3], rows[4] = (
        ["", "01/01/2024", "A", "1"],
        ["1", "31/02/2024", "A", "2"],
        ["9", "03/01/2024", "d", "x"],
        ["2", "04/01/2024", "B", "-7"],
    )
    ours.write("labs", rows)
    ours.checks(
        labs=[
            {"column": "id", "required": True, "references": "patients.id"},
            {"column": "taken", "type": "time", "min": dt.date(2024, 1, 3)},
            {"column": "result", "type": "number", "threshold": "5%"},
            {"column": "result", "min": 0, "max": 20, "severity": "warning"},
            {"column": "test", "values": ["A", "B", "C"]},
            {"column": "test", "pattern": "[A-Z]", "name": "capital"},
            {"unique": ["id", "taken"]},
            {"rows": {"min": 30, "max": 30}},
        ],
        patients=[{"unique": "id"}, {"column": "sex", "values": "F", "severity": "info"}, {"column": "weight", "required": True}],
    )
    assert ours.found() == {
        "Required.ours.labs.id": ("FAIL", 1, 30),
        "Reference.ours.labs.id": ("FAIL", 1, 29),
        "Type.ours.labs.taken": ("FAIL", 1, 30),
        "Range.ours.labs.taken": ("FAIL", 3, 29),
        "Type.ours.labs.result": ("PASS", 1, 30),
        "Range.ours.labs.result": ("FAIL", 10, 29),
        "Values.ours.labs.test": ("FAIL", 1, 30),
        "Pattern.ours.labs.test.capital": ("FAIL", 1, 30),
        "Unique.ours.labs.id-taken": ("PASS", 0, 29),
        "Rows.ours.labs": ("PASS", 0, 1),
        "Unique.ours.patients.id": ("PASS", 0, 5),
        "Values.ours.patients.sex": ("FAIL", 3, 5),
        "Required.ours.patients.weight": ("NA", None, None),
    }


values = st.sampled_from(["", "1", "2", "3", "17", "-4", "2.5", "x", "1e3", "ab", "AB"])
tables = st.lists(st.tuples(values, values), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Ours:
    return make(tmp_path_factory.mktemp("checks"))


@pytest.mark.long
@given(rows=tables, cut=st.integers(0, 25))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_counts_are_those_that_python_counts_however_files_are_cut(base: Ours, rows: list[tuple[str, str]], cut: int) -> None:
    header = ["id", "taken", "test", "result"]
    full = [[a, "01/01/2024", b, a] for a, b in rows]
    for old in (base.path / "data").glob("labs*.csv"):
        old.unlink()
    base.write("labs_1", [header, *full[:cut]])
    base.write("labs_2", [header, *full[cut:]])
    base.checks(
        labs=[
            {"column": "id", "required": True, "references": "patients.id"},
            {"column": "result", "type": "integer", "min": 0, "max": 17},
            {"column": "test", "values": ["1", "x"], "pattern": "[a-z]+"},
            {"unique": ["id", "test"]},
        ]
    )
    found = base.found()
    numbers = [float(a) for a, _ in rows if re.fullmatch(r"-?\d+(\.\d+)?(e\d+)?", a)]
    keys = Counter((a, b) for a, b in rows if a and b)
    expected = {
        "Required.ours.labs.id": (sum(not a for a, _ in rows), len(rows)),
        "Reference.ours.labs.id": (sum(a not in "12345" for a, _ in rows if a), sum(bool(a) for a, _ in rows)),
        "Type.ours.labs.result": (sum(re.fullmatch(r"-?\d+", a) is None for a, _ in rows if a), sum(bool(a) for a, _ in rows)),
        "Range.ours.labs.result": (sum(not 0 <= number <= 17 for number in numbers), len(numbers)),
        "Values.ours.labs.test": (sum(b not in {"1", "x"} for _, b in rows if b), sum(bool(b) for _, b in rows)),
        "Pattern.ours.labs.test": (sum(re.fullmatch("[a-z]+", b) is None for _, b in rows if b), sum(bool(b) for _, b in rows)),
        "Unique.ours.labs.id-test": (sum(count for count in keys.values() if count > 1), keys.total()),
    }
    assert {name: counts for name, (_, *counts) in found.items()} == {name: list(counts) for name, counts in expected.items()}


def test_rows_are_compared_with_the_last_delivery(ours: Ours) -> None:
    ours.checks(labs=[{"rows": {"change": "20%"}}], patients=[{"rows": {"shrink": 0}}])
    assert [row["status"] for row in ours.run().status()["checks"]] == ["PASS", "PASS"]
    ours.write("labs", LABS[:20])
    ours.write("patients", [*PATIENTS, ["6", "01/01/1990", "F"]])
    failed = [row for row in ours.run().status()["checks"] if row["status"] == "FAIL"]
    assert [(row["check"], row["reason"]) for row in failed] == [("sourceRows.ours.labs", "19 records, -36.7% against 30 before")]
    ours.write("labs", LABS[:21])
    assert [row["status"] for row in ours.run().status()["checks"]] == ["PASS", "PASS"]


def test_a_check_that_stops_a_run_leaves_the_last_version(ours: Ours, command: Callable[..., Any]) -> None:
    ours.checks(labs=[{"rows": {"change": "20%"}, "stop": True}, {"column": "test", "values": ["A", "B", "C"], "stop": True, "threshold": 10}])
    ours.run()
    ours.write("labs", [LABS[0], *([*row[:2], "Z", row[3]] for row in LABS[1:16])])
    with pytest.raises(SourceCheckError) as caught:
        ours.run()
    assert "ours: sourceRows.ours.labs: expected a file as declared, got 15 records, -50.0% against 30 before (and 1 more" in str(caught.value)
    assert (ours.path / "warehouse" / "versions" / "000001.json").exists()
    assert not (ours.path / "warehouse" / "versions" / "000002.json").exists()
    result = command("run", "-s", ours.path)
    assert (result.code, "Nothing was committed" in result.err) == (1, True)
    ours.write("labs", LABS)
    assert plait.open(ours.path).run_etl(threads=1).changed is False


def test_a_file_is_counted_once_and_other_checks_change_no_row(ours: Ours) -> None:
    ours.checks(labs=[{"column": "test", "values": ["A"]}], patients=[{"unique": "id"}])
    study = ours.run()
    staged = study.path / "warehouse" / "staged" / "ours"
    before = {path: path.stat().st_mtime_ns for path in staged.iterdir()}
    digest = study.digest()
    ours.write("labs", LABS[:25])
    ours.run()
    assert {path: path.stat().st_mtime_ns for path in before if path.name.startswith("patients")} == {
        path: time for path, time in before.items() if path.name.startswith("patients")
    }
    ours.write("labs", LABS)
    ours.checks(labs=[{"column": "test", "values": ["A", "B"]}], patients=[{"unique": "id"}])
    study = plait.open(ours.path)
    report = study.run_etl(threads=1)
    assert [(change.added, change.changed, change.removed) for change in report.sources] == [(0, 5, 0)]  # the records that came back
    assert study.digest() == digest
    ours.checks(labs=[{"column": "test", "values": ["A", "B", "C"]}], patients=[{"unique": "id"}])
    report = study.run_etl(threads=1)
    assert [(change.added, change.changed, change.removed) for change in report.sources] == [(0, 0, 0)]
    assert report.shards == 0
    assert [row["status"] for row in study.status()["checks"]] == ["PASS", "PASS"]
    study.collect_garbage()
    assert study.run_etl(threads=1).changed is False


def test_history_is_kept(ours: Ours) -> None:
    ours.checks(labs=[{"column": "test", "values": ["A", "B"]}])
    ours.run()
    ours.write("labs", [row for row in LABS if row[2] != "C"])
    con = ours.run().connect()
    assert con.execute("SELECT run_id, violated, denominator, status FROM plait.source_checks ORDER BY run_id").fetchall() == [
        (1, 10, 30, "FAIL"),
        (2, 0, 20, "PASS"),
    ]


def test_freshness_is_as_of_today(ours: Ours, command: Callable[..., Any]) -> None:
    ours.checks(labs=[{"column": "taken", "fresh_days": 10}])
    study = ours.run()
    [row] = study.status()["checks"]
    assert row["status"] == "FAIL"
    for day, code in (("2024-02-07", 0), ("2024-02-08", 1)):
        result = command("validate", "sources", "-s", ours.path, "--today", day, "--json")
        assert result.code == code, day
    assert json.loads(result.out)["results"][0]["reason"] == "the newest is 11 days old, at most 10 expected"


def test_validate_tells_of_sources_and_lists_their_records(ours: Ours, command: Callable[..., Any]) -> None:
    ours.checks(labs=[{"unique": ["id", "test"], "why": "one a day"}, {"column": "id", "references": "patients.id"}, {"column": "test", "values": ["A", "C"]}])
    ours.write("labs", [LABS[0], *LABS[1:8], ["9", "01/01/2024", "A", "1"], LABS[1]])
    ours.run()
    result = command("validate", "sources", "-s", ours.path, "--json")
    assert result.code == 1
    found = {row["check_id"]: (row["violated"], row["denominator"], row["status"]) for row in json.loads(result.out)["results"]}
    assert found == {
        "sourceUnique.ours.labs.id-test": (2, 9, "FAIL"),
        "sourceReference.ours.labs.id": (1, 9, "FAIL"),
        "sourceValues.ours.labs.test": (2, 9, "FAIL"),
    }
    for check, records in (("sourceUnique.ours.labs.id-test", [1, 9]), ("sourceReference.ours.labs.id", [8]), ("sourceValues.ours.labs.test", [2, 5])):
        shown = json.loads(command("validate", "-s", ours.path, "--rows", check, "--json").out)
        assert [row["row"]["record"] for row in shown["rows"]] == records
    relaxed = "validation: {rules: [{checks: 'source*', threshold: 50}]}\n"
    (ours.path / "plait.yaml").write_text((ours.path / "plait.yaml").read_text(encoding="utf-8") + relaxed, encoding="utf-8")
    assert command("validate", "sources", "-s", ours.path).code == 0


def test_check_source_makes_them_and_says_where(ours: Ours, command: Callable[..., Any]) -> None:
    ours.checks(labs=[{"column": "test", "values": ["A", "B"]}, {"rows": {"min": 1}}])
    result = command("etl", "check-source", ours.path / "ours", ours.path / "data", "--first", "2")
    assert result.code == 1
    assert "sourceValues.ours.labs.test: labs.csv, record 3, labs.csv, record 6" in result.out
    ours.checks(labs=[{"column": "test", "values": ["A", "B"], "severity": "warning"}, {"rows": {"min": 1}}])
    assert command("etl", "check-source", "ours", "-s", ours.path).code == 0
    assert not (ours.path / "warehouse").exists()


def test_a_file_that_no_select_reads_is_checked_too(ours: Ours) -> None:
    ours.checks(labs=[{"column": "id", "references": "patients.id"}, {"column": "result", "type": "integer"}])
    (ours.path / "ours" / "labs.event.sql").unlink()
    assert ours.found() == {"Reference.ours.labs.id": ("PASS", 0, 30), "Type.ours.labs.result": ("PASS", 0, 30)}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing is asked": ({"column": "id"}, "without any of required"),
    "no column": ({"required": True}, "'required' without 'column'"),
    "a warning that stops": ({"column": "id", "required": True, "severity": "warning", "stop": True}, "belongs to severity error"),
    "a pattern that is none": ({"column": "id", "pattern": "("}, "no regular expression"),
    "a threshold beyond a hundred": ({"column": "id", "required": True, "threshold": "120%"}, "less than or equal to 100"),
    "bounds of two kinds": ({"column": "id", "min": 1, "max": dt.date(2024, 1, 1)}, "of one kind"),
    "a file that is not declared": ({"column": "id", "references": "persons.id"}, "'persons.id'"),
    "rows without a bound": ({"rows": {}}, "without min, max"),
    "a misspelt key": ({"colum": "id", "required": True}, "'files.labs.checks.0.colum'"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_checks_are_refused(ours: Ours, fault: str) -> None:
    check, words = WRONG[fault]
    ours.checks(labs=[check])
    with pytest.raises(ConfigError) as caught:
        ours.run()
    assert words in str(caught.value)


def test_a_reference_to_what_was_not_delivered_says_nothing(ours: Ours) -> None:
    ours.checks(labs=[{"column": "test", "references": "patients.nothing"}])
    [row] = ours.run().status()["checks"]
    assert (row["status"], row["reason"]) == ("NA", "there is no patients.nothing to refer to")


def test_two_checks_of_one_kind_need_names(ours: Ours) -> None:
    twice = [{"column": "test", "values": ["A"]}, {"column": "test", "values": ["A", "B"], "severity": "warning"}]
    ours.checks(labs=twice)
    with pytest.raises(ConfigError, match=r"two checks 'sourceValues[.]labs[.]test'"):
        ours.run()
    ours.checks(labs=[twice[0], twice[1] | {"name": "wide"}])
    assert ours.found() == {"Values.ours.labs.test": ("FAIL", 20, 30), "Values.ours.labs.test.wide": ("FAIL", 10, 30)}


def test_built_in_sources_have_checks_that_the_demo_passes(demo_study: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    shutil.copytree(demo_study, tmp_path / "demo")
    result = command("validate", "sources", "-s", tmp_path / "demo", "--json")
    results = json.loads(result.out)["results"]
    assert len(results) > 10
    assert [row["check_id"] for row in results if row["status"] == "FAIL" and row["severity"] == "error"] == []
