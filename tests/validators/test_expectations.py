"""Great Expectations: suites of plait's and of users, on DuckDB, with Data Docs that show everything but values."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from hand_suites import SUITES, write_suites
from plait.errors import ConfigError
from plait.validators.expectations import project
from plait.validators.expectations.generated import suites_of
from plait.validators.expectations.options import Options
from plait.validators.expectations.results import without_values, without_words
from plait.validators.expectations.suites import Reader
from plait.validators.judge import Result, has_failed
from plait.validators.suite import Check, CheckType
from shell import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tiny_study import Tiny

DAY = ("--today", "2026-11-23")
FETCHED = re.compile(r"""(?:src|srcset|poster)\s*=\s*["']?[^"'\s>]|<link\b|<script\b|@import|url\(""")
"""What a browser fetches by itself."""


@pytest.fixture(scope="module")
def no_network() -> Iterator[None]:
    """Let nothing connect to anything but files and sockets of this machine."""

    def connect(self: socket.socket, address: object) -> None:
        raise AssertionError(f"{self} wanted {address!r}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


@pytest.fixture(scope="module")
def validated(demo_study: Path, tmp_path_factory: pytest.TempPathFactory, no_network: None) -> tuple[Path, dict[str, Any]]:  # noqa: ARG001 - it guards
    """Give a copy of the demo study with suites written by hand, and what a validation of it found."""
    study = tmp_path_factory.mktemp("validated") / "study"
    shutil.copytree(demo_study, study)
    write_suites(study / "expectations")
    done = command("validate", "-s", study, *DAY, "--json")
    assert done.code == 1, done.err
    return study, json.loads(done.out)


def of_users(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["check_id"]: row for row in report["results"] if row["suite"] == "expectations"}


def stored(study: Path) -> dict[str, dict[str, Any]]:
    """Give the results that the project keeps, by suite."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in (study / "reports/expectations/results").rglob("*.json")]
    return {result["suite_name"]: result for result in found}


def test_each_expectation_finds_what_a_select_finds(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    con, by_table = plait.open(study).connect(), {}
    for row in of_users(report).values():
        by_table.setdefault(row["table_name"], []).append(row)
    for table, pairs in SUITES.items():
        expected = [(f"expectations.by_hand.{table}.{expectation['type']}", con.execute(query).fetchone()) for expectation, query in pairs]
        assert [(row["check_id"].removesuffix(f".{row['field_name']}"), (row["violated"], row["denominator"])) for row in by_table[table]] == expected


def test_severity_is_the_users_and_a_threshold_is_what_mostly_leaves(validated: tuple[Path, dict[str, Any]]) -> None:
    found = of_users(validated[1])
    ends = found["expectations.by_hand.condition_occurrence.expect_column_values_to_not_be_null.condition_end_date"]
    assert (ends["severity"], ends["threshold"], ends["status"]) == ("warning", 50.0, "PASS")
    born = found["expectations.by_hand.person.expect_column_values_to_be_between.year_of_birth"]
    assert (born["severity"], born["threshold"], born["status"]) == ("error", None, "FAIL")


def test_what_was_found_is_kept_with_all_else(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    kept = plait.open(study).connect().execute("SELECT check_id, violated FROM plait.checks WHERE suite = 'expectations'").fetchall()
    assert dict(kept) == {name: row["violated"] for name, row in of_users(report).items()}


def test_a_suite_of_a_table_fails_where_a_check_of_the_table_failed(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    checks: dict[str, list[dict[str, Any]]] = {}
    for row in report["results"]:
        if row["suite"] in {"dqd", "plait"} and row["status"] != "NA":
            checks.setdefault(row["table_name"] if "." in row["table_name"] else f"cdm.{row['table_name']}", []).append(row)
    suites = {name: result for name, result in stored(study).items() if name.split(".")[0] in {"cdm", "plait"}}
    assert suites.keys() == checks.keys()
    for name, result in suites.items():
        failed = {row["check_id"] for row in checks[name] if row["status"] in {"FAIL", "ERROR"}}
        assert result["success"] == (not failed), name
        named = {one["expectation_config"]["kwargs"]["column"] for one in result["results"] if not one["success"]}
        assert failed <= named


def test_each_embedding_table_has_a_suite(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    tables = {row["table_name"] for row in report["results"] if row["suite"] == "embeddings" and row["status"] != "NA"}
    assert tables
    assert {name for name in stored(study) if name.startswith("embeddings.")} == tables


def test_what_was_counted_is_what_is_asserted_on(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    found = {row["check_id"]: row for row in report["results"]}
    observed = {one["expectation_config"]["kwargs"]["column"]: one["result"]["observed_value"] for one in stored(study)["cdm.measurement"]["results"]}
    row = found["standardConceptRecordCompleteness.measurement.unit_concept_id"]
    assert observed[row["check_id"]] == pytest.approx(row["percent"])
    assert observed["isPrimaryKey (error, none)"] == 0
    assert observed["standardConceptRecordCompleteness (warning, at most 5 %)"] >= row["percent"]


def test_pages_show_suites_and_statuses_in_a_browser(validated: tuple[Path, dict[str, Any]]) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("chromium is not here")
    study, report = validated
    index = study / "reports/expectations/data_docs/index.html"
    assert report["data_docs"] == str(index)

    def seen(page: str) -> str:
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom")
        done = subprocess.run([browser, *options, page], capture_output=True, text=True, check=True, timeout=120)
        return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", done.stdout, flags=re.DOTALL).split())

    first = seen(index.as_uri())
    assert "demo: what was expected, and what was found" in first
    assert re.search(r"failed cdm\.measurement \d+ \d+", first)
    assert re.search(r"met cdm\.death (\d+) \1 ", first)
    met = sum(row["status"] == "PASS" for row in of_users(report).values() if row["table_name"] == "person")
    assert f"failed expectations.by_hand.person {met} 6" in first
    (page,) = [link for link in re.findall(r'href="([^"]+)"', index.read_text(encoding="utf-8")) if "/cdm/specimen/" in link]
    text = seen(f"{index.parent.as_uri()}/{page}")
    assert "standardConceptRecordCompleteness.specimen.specimen_concept_id (warning, at most 5 %): rows of specimen whose specimen_concept_id" in text
    assert "Status: Failed" in text


def test_every_link_leads_to_a_page_and_no_page_fetches_anything(validated: tuple[Path, dict[str, Any]]) -> None:
    docs = validated[0] / "reports/expectations/data_docs"
    pages = sorted(docs.rglob("*.html"))
    assert len(pages) == len(stored(validated[0])) + 1
    assert {file.suffix for file in docs.rglob("*") if file.is_file() and not file.name.startswith(".")} == {".html"}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not FETCHED.search(text), page
        for link in re.findall(r'href="([^"#]+)"', text):
            assert (page.parent / unquote(link)).is_file(), (page, link)


def test_nothing_of_a_patient_is_in_the_project(validated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    study, _ = validated
    persons = [row[0] for row in plait.open(study).connect().execute("SELECT person_source_value FROM cdm.person").fetchall()]
    kept = "".join(file.read_text(encoding="utf-8") for file in (study / "reports").rglob("*") if file.is_file())
    assert not [one for one in persons if one in kept]
    suite = {"expectations": [{"type": "expect_column_values_to_match_regex", "kwargs": {"column": "person_source_value", "regex": "^x"}}]}
    (tmp_path / "person.json").write_text(json.dumps(suite), encoding="utf-8")
    for options, shows in (((), False), (("--show-values",), True)):
        docs = tmp_path / f"docs-{shows}"
        command("validate", "expectations", "-s", study, *DAY, "--expectations", tmp_path, "--data-docs", docs, *options)
        kept = "".join(file.read_text(encoding="utf-8") for file in docs.rglob("*") if file.is_file())
        assert any(one in kept for one in persons) == shows


@pytest.mark.long
def test_runs_are_kept_for_a_while_and_suites_are_the_same_each_time(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "KEPT_RUNS", 2)  # fewer than there are, so that it takes less time
    made = tiny.path / "reports/expectations"
    (tiny.path / "expectations").mkdir()
    suite = {"expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "person_id"}}]}
    (tiny.path / "expectations/person.json").write_text(json.dumps(suite), encoding="utf-8")
    written = []
    for _ in range(3):
        tiny.plait("validate", *DAY, "-q")
        names = [*made.glob("*.yml"), *made.rglob("suites/**/*.json"), *made.rglob("validation_definition_store/*.json")]
        written.append({file: file.read_bytes() for file in sorted(names)})
    assert all(one == written[0] for one in written)
    for folder, ending in (("results", "json"), ("data_docs/validations", "html")):
        assert len({file.parent.name for file in (made / folder).rglob(f"*.{ending}")}) == 2
    assert (made / "data_docs/index.html").read_text(encoding="utf-8").count("version 1, ") == 2
    assert made.stat().st_mode & 0o077 == 0


def test_rows_that_offend_an_expectation_are_listed_with_their_records(validated: tuple[Path, dict[str, Any]]) -> None:
    study, report = validated
    name = "expectations.by_hand.person.expect_column_values_to_be_between.year_of_birth"
    found = json.loads(command("validate", "--rows", name, "-s", study, "--json", "--limit", "1000").out)
    assert len(found["rows"]) == of_users(report)[name]["violated"]
    assert all(not 1940 <= row["row"]["year_of_birth"] <= 2015 for row in found["rows"])
    assert all(record["source"] for row in found["rows"] for record in row["records"])
    query = "expectations.by_hand.measurement.unexpected_rows_expectation"
    found = json.loads(command("validate", "--rows", query, "-s", study, "--json", "--limit", "2").out)
    assert [row["row"]["value_as_number"] < 1 for row in found["rows"]] == [True, True]
    done = command("validate", "--rows", "expectations.by_hand.person.expect_table_row_count_to_be_between", "-s", study)
    assert (done.code, "expected an expectation of rows" in done.err) == (2, True)


def written_to(tiny: Tiny, text: str, name: str = "person.json") -> Path:
    folder = tiny.path / "expectations"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def of(*expectations: dict[str, Any], **more: Any) -> str:  # noqa: ANN401
    return json.dumps({"expectations": list(expectations)} | more)


NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "person_id"}}


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (of(NOT_NULL), "mine.json", "mine.json: expected the name of a table, got none, in 'meta' or at the start of the file's name. Write"),
        (of(NOT_NULL, meta={"table": "persn"}), "mine.json", "mine.json: expected the name of a table, got 'persn'. Did you mean 'person'?"),
        (
            of(NOT_NULL | {"kwargs": {"column": "persn_id"}}),
            "person.json",
            "expectation 1: expected a column of person, got 'persn_id'. Did you mean 'person_id'?",
        ),
        (of(NOT_NULL, NOT_NULL | {"type": "expect_wonders"}), "person.json", "expectation 2: expected a type of expectation, got 'expect_wonders'"),
        (of(NOT_NULL | {"kwargs": {"colum": "person_id"}}), "person.json", "expectation 1: expected what expect_column_values_to_not_be_null takes, got "),
        (of(NOT_NULL | {"severity": "awful"}), "person.json", "expectation 1: expected a severity: critical, warning, info, got 'awful'"),
        (of(NOT_NULL | {"meta": {"severity": "bad"}}), "person.json", "expectation 1: expected a severity: error, warning, info, got 'bad'"),
        (of(NOT_NULL, name="a b"), "person.json", "person.json: expected a name of letters, digits, '.', '_' and '-', got 'a b'"),
        ('{"expectations": [,]}', "person.json", "person.json:1: expected JSON"),
        ("[]", "person.json", "person.json: expected a suite of Great Expectations"),
        ('{"expectations": [7]}', "person.json", "expectation 1: expected an object with a 'type', got int"),
    ],
)
def test_what_is_no_suite_is_said_with_its_file(tiny: Tiny, text: str, name: str, said: str) -> None:
    file = written_to(tiny, text, name)
    done = tiny.plait("validate", "expectations", *DAY)
    assert (done.code, done.out) == (2, "")
    assert str(file.parent) in done.err
    assert said in done.err


def test_two_suites_of_one_name_are_an_error(tiny: Tiny) -> None:
    for name in ("death.json", "person.json"):
        written_to(tiny, of(NOT_NULL, name="mine"), name)
    assert "'mine' in death.json and person.json" in tiny.plait("validate", *DAY).err


def test_a_rule_changes_what_an_expectation_allows_and_means(tiny: Tiny) -> None:
    between = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "year_of_birth", "min_value": 1960}}
    written_to(tiny, of(between))
    check = "expectations.person.expect_column_values_to_be_between.year_of_birth"
    assert tiny.plait("validate", check, *DAY).code == 1
    settings = (tiny.path / "plait.yaml").read_text(encoding="utf-8")
    tiny.settings(settings + "validation:\n  rules: [{checks: expectations.person.*, threshold: 25}]\n")
    (row,) = json.loads(tiny.plait("validate", check, *DAY, "--json").out)["results"]
    assert (row["violated"], row["denominator"], row["status"], row["threshold"]) == (1, 4, "PASS", 25)
    tiny.settings(settings + "validation:\n  rules: [{checks: expectations.person.*, severity: info}]\n")
    assert tiny.plait("validate", check, *DAY).code == 0
    assert tiny.plait("validate", "isPrimaryKey.person.*", *DAY, "--no-gx").code == 0  # the rule is of checks that are not there now


def test_python_runs_only_where_that_is_said(tiny: Tiny) -> None:
    proof = tiny.path / "it-ran"
    written_to(
        tiny,
        f"""
from pathlib import Path

def expectations(gxe):
    Path({str(proof)!r}).touch()
    return {{
        "person": [gxe.ExpectColumnValuesToBeUnique(column="person_id"), gxe.ExpectColumnValuesToBeInSet(column="year_of_birth", value_set=[1950])],
        "death": [gxe.ExpectTableRowCountToEqual(value=1, severity="warning")],
    }}
""",
        "mine.py",
    )
    done = tiny.plait("validate", "expectations", *DAY, "--json")
    assert json.loads(done.out)["results"] == []
    assert "mine.py" in json.loads(done.out)["notes"][0]
    assert not proof.exists()
    report = json.loads(tiny.plait("validate", "expectations", *DAY, "--json", "--python-suites").out)
    assert proof.exists()
    assert {name: (row["violated"], row["denominator"], row["status"]) for name, row in of_users(report).items()} == {
        "expectations.mine.person.expect_column_values_to_be_unique.person_id": (0, 4, "PASS"),
        "expectations.mine.person.expect_column_values_to_be_in_set.year_of_birth": (3, 4, "FAIL"),
        "expectations.mine.death.expect_table_row_count_to_equal": (0, 1, "PASS"),
    }


@pytest.mark.parametrize("text", ["1 / 0", "x = 1", "def expectations(gxe):\n    return 7"])
def test_python_that_gives_no_expectations_is_an_error(tiny: Tiny, text: str) -> None:
    written_to(tiny, text, "mine.py")
    done = tiny.plait("validate", "expectations", *DAY, "--python-suites")
    assert (done.code, "mine.py: expected a function expectations(gxe)" in done.err) == (2, True)


def test_without_the_extra_all_else_is_checked_and_who_has_suites_is_told(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    done = tiny.plait("validate", *DAY)
    assert "quality" not in done.out + done.err
    assert "Data Docs" not in done.out
    assert "pip install 'plait[quality]'" in tiny.plait("validate", *DAY, "--gx").err
    written_to(tiny, of(NOT_NULL))
    done = tiny.plait("validate", *DAY, "--json")
    report = json.loads(done.out)
    assert "pip install 'plait[quality]'" in report["notes"][0]
    assert [row["status"] for row in of_users(report).values()] == ["ERROR"]
    assert len(report["results"]) > 2600


def test_it_can_be_left_out(tiny: Tiny) -> None:
    written_to(tiny, of(NOT_NULL))
    report = json.loads(tiny.plait("validate", *DAY, "--no-gx", "--json").out)
    assert (of_users(report), report["data_docs"]) == ({}, None)
    assert "--no-gx" in report["notes"][0]
    assert not (tiny.path / "reports").exists()


def test_what_somebody_else_wrote_is_not_replaced(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/great_expectations.yml").write_text("config_version: 4.0\n", encoding="utf-8")
    done = tiny.plait("validate", *DAY, "--data-docs", tmp_path / "docs")
    assert (done.code, "expected no folder, or one with Data Docs of plait's" in done.err) == (2, True)


def test_an_expectation_that_cannot_be_answered_is_an_error_without_its_words_and_stops_no_other(tiny: Tiny) -> None:
    asked = {"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT CAST(gender_source_value AS INT) FROM {batch}"}}
    scores = {"type": "expect_column_value_z_scores_to_be_less_than", "kwargs": {"column": "year_of_birth", "threshold": 1.0, "double_sided": True}}
    written_to(tiny, of(asked, NOT_NULL, scores))
    done = tiny.plait("validate", *DAY, "--json")
    failed, *others = of_users(json.loads(done.out)).values()
    assert (failed["status"], failed["violated"], failed["reason"]) == ("ERROR", None, "Great Expectations could not answer it: ConversionException")
    assert [(row["status"], row["violated"], row["denominator"]) for row in others] == [("PASS", 0, 4), ("FAIL", 2, 4)]
    kept = "".join(file.read_text(encoding="utf-8") for file in (tiny.path / "reports").rglob("*") if file.is_file())
    assert "Could not convert" not in done.out + done.err + kept


def test_a_cdm_of_others_has_data_docs_where_they_are_asked_for(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT range AS person_id, 'x' || range AS person_source_value FROM range(5)) TO '{theirs / 'person.csv'}'")
    suite = of({"type": "expect_column_values_to_match_regex", "kwargs": {"column": "person_source_value", "regex": "[0-3]$"}})
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/person.json").write_text(suite, encoding="utf-8")
    docs = tmp_path / "docs"
    report = json.loads(command("validate", "--cdm", theirs, "--expectations", tmp_path / "suites", "--data-docs", docs, *DAY, "--json").out)
    (row,) = of_users(report).values()
    assert (row["violated"], row["denominator"]) == (1, 5)
    assert "cdm.person" in (docs / "data_docs/index.html").read_text(encoding="utf-8")
    assert not (theirs / "reports").exists()


def test_options_are_there_in_python(tiny: Tiny) -> None:
    report = plait.open(tiny.path).validate("isPrimaryKey", expectations=Options(docs=tiny.path / "docs"))
    assert report.data_docs == tiny.path / "docs/data_docs/index.html"
    assert report.data_docs.is_file()


def test_a_result_without_values_has_counts_alone() -> None:
    found = {"element_count": 3, "unexpected_count": 1, "partial_unexpected_list": ["Zebulon"], "partial_unexpected_counts": [{"value": "Zebulon"}]}
    assert without_values(found, "expect_column_values_to_be_in_set") == {"element_count": 3, "unexpected_count": 1, "partial_unexpected_list": []}
    assert without_values({"observed_value": "Zebulon"}, "expect_column_max_to_be_between") == {"observed_value": None}
    assert without_values({"observed_value": 4}, "expect_table_row_count_to_equal") == {"observed_value": 4}
    raised = {
        "raised_exception": True,
        "exception_message": "(duckdb.ConversionException) Could not convert 'Zebulon'",
        "exception_traceback": "Zebulon",
    }
    expected = {"raised_exception": True, "exception_message": "ConversionException", "exception_traceback": None}
    assert without_words(raised) == without_words({"column.max": raised}) == expected


def test_a_suite_is_of_the_table_that_its_meta_or_its_file_names(tmp_path: Path) -> None:
    reader = Reader({"person": {"person_id"}, "plait.ledger": {"file"}})
    (tmp_path / "PERSON.adults.json").write_text(of(NOT_NULL), encoding="utf-8")
    (tmp_path / "books.json").write_text(of(meta={"table": "plait.ledger"}), encoding="utf-8")
    (tmp_path / "z.json").write_text(of(meta={"table": "cdm.Person"}), encoding="utf-8")
    assert [(suite.name, suite.table) for suite in reader.read(tmp_path)] == [("PERSON.adults", "person"), ("books", "plait.ledger"), ("z", "person")]
    assert reader.read(tmp_path / "nowhere") == ()


def test_one_expectation_twice_has_two_names(tmp_path: Path) -> None:
    (tmp_path / "person.json").write_text(of(NOT_NULL, NOT_NULL, NOT_NULL | {"meta": {"name": "key"}}), encoding="utf-8")
    (suite,) = Reader({"person": {"person_id"}}).read(tmp_path)
    base = "expectations.person.expect_column_values_to_not_be_null.person_id"
    assert [check.id for check in suite.checks] == [base, f"{base}.2", "expectations.person.key.person_id"]
    with pytest.raises(ConfigError, match="expected the name of a table"):
        Reader({"death": set()}).read(tmp_path)


KINDS = [CheckType(name, "FIELD", severity, (None, None, None), "rows") for name, severity in (("one", "error"), ("two", "info"), ("three", "warning"))]


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Give what a check may have found."""
    kind, suite, table = draw(st.sampled_from(KINDS)), draw(st.sampled_from(["dqd", "embeddings", "snapshots"])), draw(st.sampled_from(["a", "b/c d", ""]))
    threshold = draw(st.sampled_from([None, 0.0, 5.0, 50.0, 100.0]))
    check = Check(kind, suite, table, draw(st.text("xyz", max_size=2)), "", "", threshold, "", kind.severity)
    denominator = draw(st.integers(0, 40))
    violated = draw(st.integers(0, denominator))
    if draw(st.integers(0, 9)) == 0:
        return Result(check, None, None, draw(st.sampled_from(["ERROR", "NA"])), "why")
    return Result(check, violated, denominator, "FAIL" if has_failed(violated, denominator, threshold) else "PASS")


@settings(deadline=None)
@given(st.lists(results(), max_size=30, unique_by=lambda result: (result.check.suite, result.check.id)))
def test_a_suite_asserts_exactly_what_the_checks_said(found: list[Result]) -> None:
    """Great Expectations compares the greatest of a column with `max_value`, and fails where there is none."""
    suites = suites_of(found)
    asserted = [result for result in found if result.status != "NA" and result.check.threshold != 100]
    failed = [result.check.id for result in asserted if result.status in {"FAIL", "ERROR"}]
    lost = []
    for suite in suites:
        assert re.fullmatch(r"[\w.-]+", suite.name)
        for expectation in suite.expectations:
            column, most = expectation["kwargs"]["column"], expectation["kwargs"]["max_value"]
            values = [value for value in suite.columns[column] if value is not None]
            if not values or max(values) > most:
                lost.append(column)
    assert sorted(name for name in lost if "(" not in name) == sorted(failed)
    assert sum(len(column) for suite in suites for name, column in suite.columns.items() if "(" in name) == len(asserted)
    assert bool(lost) == bool(failed)
