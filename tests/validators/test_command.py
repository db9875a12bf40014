"""`plait validate` from outside: what it prints, writes and keeps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import duckdb
import pytest

import plait
from tiny_study import SECRETS

if TYPE_CHECKING:
    from pathlib import Path

    from tiny_study import Tiny

DAY = ("--today", "2026-11-23")
ENVELOPE = ["startTimestamp", "endTimestamp", "executionTime", "executionTimeSeconds", "CheckResults", "Metadata", "Overview"]
"""Parts of a result file, in order (DataQualityDashboard 2.8, executeDqChecks)."""


@pytest.fixture
def sound(tiny: Tiny) -> Tiny:
    """Give a study whose checks pass: what its few concepts cannot answer is left out."""
    tiny.settings(
        (tiny.path / "plait.yaml").read_text(encoding="utf-8") + "validation:\n  skip: [isForeignKey.*]\n"
        "  rules: [{checks: measureValueCompleteness.person.*, threshold: 0}]\n"
    )
    return tiny


def test_a_failed_check_of_severity_error_is_exit_code_1(sound: Tiny) -> None:
    done = sound.plait("validate", "person", *DAY)
    assert done.code == 0, done.out
    assert "measureValueCompleteness.person.provider_id" in done.out
    sound.settings((sound.path / "plait.yaml").read_text(encoding="utf-8").replace("threshold: 0}", "threshold: 0, severity: error}"))
    done = sound.plait("validate", "person", *DAY)
    assert done.code == 1
    assert "error     measureValueCompleteness.person." in done.out


def test_what_all_checks_found_is_kept(sound: Tiny) -> None:
    made = [len(json.loads(sound.plait("validate", *DAY, "--json").out)["results"]) for _ in range(2)]
    sound.plait("validate", "isRequired.person.*", *DAY)
    kept = "SELECT version, count(*), count(DISTINCT check_id), max(today)::VARCHAR FROM plait.checks GROUP BY version, checked_at"
    assert plait.open(sound.path).connect().execute(kept).fetchall() == [(1, number, number, "2026-11-23") for number in made]
    with duckdb.connect(str(sound.path / "warehouse" / "study.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(DISTINCT checked_at) FROM plait.checks").fetchone() == (2,)


def test_where_all_checks_are_left_out_there_is_nothing_to_keep(tiny: Tiny) -> None:
    tiny.settings((tiny.path / "plait.yaml").read_text(encoding="utf-8") + "validation: {skip: ['*']}\n")
    done = tiny.plait("validate", "--no-gx")
    assert (done.code, done.err) == (0, "")


def test_dashboard_json_has_its_envelope_and_keys(sound: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    sound.plait("validate", "person", "condition_occurrence", "cdm_source", *DAY, "--dqd-json", str(file))
    written = json.loads(file.read_text(encoding="utf-8"))
    assert list(written) == ENVELOPE
    results = written["CheckResults"]
    assert written["Overview"]["countTotal"] == [len(results)]
    assert all({"checkId", "checkName", "checkLevel", "cdmTableName", "category", "context", "queryText", "failed", "isError"} <= row.keys() for row in results)
    assert {row["checkLevel"] for row in results} == {"TABLE", "FIELD", "CONCEPT"}
    by_id = {row["checkId"]: row for row in results}
    row = by_id["field_measurevaluecompleteness_person_provider_id"]
    assert (row["failed"], row["numViolatedRows"], row["pctViolatedRows"], row["cdmFieldName"], row["thresholdValue"]) == (1, 4, 1.0, "PROVIDER_ID", 0)
    assert by_id["concept_plausiblegenderusedescendants_condition_occurrence_condition_concept_id_4090861,4025213"]["notApplicable"] == 1
    assert written["Metadata"][0]["cdmSourceName"] == "tiny"
    assert written["Metadata"][0]["dqdVersion"] == "2.8.4"
    assert not any(secret in file.read_text(encoding="utf-8") for secret in SECRETS)


def test_junit_has_a_failure_for_each_failed_check_of_severity_error(sound: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "results.xml"
    sound.settings((sound.path / "plait.yaml").read_text(encoding="utf-8").replace("threshold: 0}", "threshold: 0, severity: error}"))
    report = json.loads(sound.plait("validate", "person", "plait", *DAY, "--json", "--junit", str(file)).out)
    root = ET.parse(file).getroot()  # noqa: S314 - our own file
    failed = {row["check_id"] for row in report["results"] if row["status"] == "FAIL" and row["severity"] == "error"}
    assert {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None} == failed
    assert sum(int(suite.get("tests", 0)) for suite in root.iter("testsuite")) == len(report["results"])
    assert sum(int(suite.get("failures", 0)) for suite in root.iter("testsuite")) == len(failed) > 0


def test_rows_are_listed_with_their_records(sound: Tiny) -> None:
    found = json.loads(sound.plait("validate", "--rows", "measureValueCompleteness.condition_occurrence.provider_id", "--json", "--limit", "3").out)
    assert len(found["rows"]) == 3
    assert [row["records"][0] for row in found["rows"]] == [{"source": "ehr", "file": "conditions", "record": number, "role": "loaded"} for number in (1, 2, 3)]
    shown = sound.plait("validate", "--rows", "field_measureValueCompleteness_condition_occurrence_provider_id").out
    assert "loaded from ehr: conditions, record 4" in shown
    for check in ("isRequired.observation_period.period_type_concept_id", "booksBalance.plait.ledger", "steadyMonths.note.note_date"):
        assert json.loads(sound.plait("validate", "--rows", check, "--json").out)["rows"] == []
    derived = json.loads(sound.plait("validate", "--rows", "isStandardValidConcept.observation_period.period_type_concept_id", "--json").out)
    assert derived["columns"][0] == "observation_period_id"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("isRequird",), "--list"),
        (("--rows", "isRequired"), "the id of one check"),
        (("--rows", "cdmTable.person"), "a check of rows"),
        (("--cdm", "nowhere"), "expected a CDM"),
        (("--cdm", "nowhere", "--snapshot", "first"), "--snapshot: expected a study"),
        (("isPrimaryKey.person.*", "--dqd-json", "nowhere/file.json"), "a file that can be written"),
    ],
)
def test_what_cannot_be_done_is_said(sound: Tiny, arguments: tuple[str, ...], says: str) -> None:
    done = sound.plait("validate", *arguments)
    assert done.code == 2
    assert says in done.err


def test_checks_are_listed(sound: Tiny) -> None:
    listed = json.loads(sound.plait("validate", "--list", "death", "--json").out)
    assert {key: value for row in listed if row["check"] == "isRequired.death.person_id" for key, value in row.items() if key != "about"} == {
        "check": "isRequired.death.person_id",
        "severity": "error",
        "threshold": 0.0,
    }
