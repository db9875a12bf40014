"""Reviews come back: from a spreadsheet or Usagi, right or spoilt, once or twice; and the run after computes only whom they touch."""

from __future__ import annotations

import csv
import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait.errors import ConfigError
from plait.etl.vocabulary.approvals import Approval, read_approvals, write_approvals
from plait.etl.vocabulary.spreadsheet import guarded, unguarded
from plait.mapping.apply import is_altered
from review_file import Lines, of, read, save
from tiny_study import SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tiny_study import Tiny

ASTHMA, COUGH, DIABETES, ANEMIA = 317009, 254761, 201826, 439777


@pytest.fixture
def lines(desk: Tiny) -> Lines:
    """The lines of a review in which nothing is decided yet."""
    assert desk.plait("map", "suggest", "-o", str(desk.path / "review.csv")).code == 0
    return read(desk.path / "review.csv")


def approve(lines: Lines, *codes: str, **cells: str) -> Lines:
    for code in codes:
        of(lines, code).update({"mappingStatus": "APPROVED", "statusSetBy": "Ana", **cells})
    return lines


def applied(desk: Tiny, lines: Lines, *options: str, delimiter: str = ",", encoding: str = "utf-8") -> dict[str, object]:
    file = save(desk.path / "back.csv", lines, delimiter=delimiter, encoding=encoding)
    result = desk.plait("map", "apply", str(file), "--json", *options)
    assert result.code == 0, result.err
    found: dict[str, object] = json.loads(result.out)
    return found


def refused(desk: Tiny, lines: Lines, *options: str) -> str:
    """Apply a file that is wrong, see that nothing came of it, and give the message."""
    file = save(desk.path / "back.csv", lines)
    before = read_approvals(desk.path)
    result = desk.plait("map", "apply", str(file), *options)
    assert result.code == 1, result.out + result.err
    assert read_approvals(desk.path) == before
    assert not any(secret in result.err for secret in SECRETS)
    return result.err


def approvals(desk: Tiny) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for approval in read_approvals(desk.path):
        found.setdefault(approval.source_code, set()).add(approval.target_concept_id)
    return found


def conditions(desk: Tiny) -> set[tuple[str, int]]:
    rows = plait.open(desk.path).connect().execute("SELECT condition_source_value, condition_concept_id FROM cdm.condition_occurrence").fetchall()
    return set(rows)


def test_an_approval_reaches_the_cdm_of_those_whom_it_touches(desk: Tiny, lines: Lines) -> None:
    done = applied(desk, approve(lines, "E119", "00123"))
    assert (done["approved"], done["added"], done["waiting"]) == (2, 2, {"UNCHECKED": 3})
    assert (done["codes"], done["rows"], done["persons"]) == (2, 3, 3)
    before = plait.open(desk.path).version
    report = plait.open(desk.path).run_etl(threads=2)
    after = plait.open(desk.path).version
    assert before is not None
    assert after is not None
    assert (report.remapped, report.shards) == (3, 3)
    assert [shard for shard in before.shards if before.shards[shard] == after.shards[shard]] == ["4"], "MRN-4714 has neither code"
    assert {("E119", DIABETES), ("00123", ASTHMA), ("1E5", 0)} <= conditions(desk)


def test_who_and_when_are_kept_in_the_books_and_in_the_cdm(desk: Tiny, lines: Lines) -> None:
    applied(desk, approve(lines, "E119", statusSetOn="1750000000000", equivalence="EQUAL", comment="as in the guideline"))
    desk.run()
    study = plait.open(desk.path)
    (row,) = study.table("plait.approvals").to_dicts()
    assert (row["source_code"], row["target_concept_id"], row["approved_by"], row["equivalence"]) == ("E119", DIABETES, "Ana", "EQUAL")
    assert row["approved_at"] == dt.datetime(2025, 6, 15, 15, 6, 40)  # noqa: DTZ001 - as all stored times
    assert (row["comment"], row["review_file"]) == ("as in the guideline", "back.csv")
    assert len(row["review_sha256"]) == 64
    event = study.table("condition_occurrence").filter(condition_source_value="E119")["condition_occurrence_id"][0]
    assert "E119 was approved by Ana on 2025-06-15." in desk.plait("etl", "trace", "condition_occurrence", str(event)).out
    mapped = study.table("source_to_concept_map").filter(source_code="E119").to_dicts()
    assert [(one["target_concept_id"], one["target_vocabulary_id"], str(one["valid_start_date"])) for one in mapped] == [(DIABETES, "SNOMED", "2025-06-15")]


def test_applied_again_nothing_changes(desk: Tiny, lines: Lines) -> None:
    approve(lines, "E119", "00123")
    applied(desk, lines)
    file = desk.path / "mappings" / "approved.csv"
    before = file.read_bytes(), file.stat().st_mtime_ns
    again = applied(desk, lines)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 2)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    desk.run()
    assert applied(desk, lines)["codes"] == 0
    assert not plait.open(desk.path).run_etl(threads=2).changed


def test_a_later_review_replaces_what_it_decides_and_leaves_the_rest(desk: Tiny, lines: Lines) -> None:
    applied(desk, approve(lines, "E119", "00123"))
    of(lines, "E119")["mappingStatus"] = "UNCHECKED"
    done = applied(desk, approve(lines, "00123", conceptId=str(COUGH), statusSetBy="Bo"))
    assert (done["added"], done["changed"], done["unchanged"]) == (0, 1, 0)
    assert approvals(desk) == {"E119": {DIABETES}, "00123": {COUGH}}


def test_an_approval_goes_before_other_mappings_of_the_code(desk: Tiny, lines: Lines) -> None:
    desk.settings((desk.path / "plait.yaml").read_text(encoding="utf-8") + "mappings: [site.csv]\n")
    header = "source_code,source_vocabulary_id,source_code_description,target_concept_id,target_vocabulary_id"
    (desk.path / "site.csv").write_text(f"{header}\n00123,SNOMED,x,{COUGH},SNOMED\n", encoding="utf-8")
    applied(desk, approve(lines, "00123"))
    desk.run()
    assert {concept for code, concept in conditions(desk) if code == "00123"} == {ASTHMA}


def test_a_code_may_mean_several_concepts_and_may_mean_none(desk: Tiny, lines: Lines) -> None:
    approve(lines, "1E5")
    second = {**of(lines, "1E5"), "conceptId": str(ASTHMA), "conceptName": "Asthma"}
    lines.insert(lines.index(of(lines, "1E5")) + 1, second)
    approve(lines, "3-11", conceptId="0", conceptName="Unmapped", equivalence="UNMATCHED")
    applied(desk, lines)
    desk.run()
    assert {concept for code, concept in conditions(desk) if code == "1E5"} == {COUGH, ASTHMA}
    listed = json.loads(desk.plait("map", "unmapped", "--json", "--domain", "Condition").out)
    assert {row["code"]: row["reason"] for row in listed}["3-11"] == "no_match"
    desk.plait("map", "suggest", "-o", str(desk.path / "next.csv"))
    assert not any(line["ADD_INFO:key"].endswith("3-11") for line in read(desk.path / "next.csv")), "it was decided"


@pytest.mark.parametrize(
    ("delimiter", "encoding", "told"),
    [(";", "cp1252", "semicolons"), ("\t", "utf-16", "UTF-16"), (",", "utf-8-sig", ""), (";", "utf-8-sig", "semicolons"), (",", "cp1252", "Windows-1252")],
)
def test_what_a_spreadsheet_makes_of_the_file_is_read_and_told(desk: Tiny, lines: Lines, delimiter: str, encoding: str, told: str) -> None:
    for line in lines:
        line["ADD_INFO:why"] = line["ADD_INFO:why"].encode("cp1252", "replace").decode("cp1252")
    done = applied(desk, approve(lines, "00123", comment="geprüft"), delimiter=delimiter, encoding=encoding)
    assert told in " ".join(map(str, done["notices"]))  # type: ignore[call-overload]
    assert [approval.comment for approval in read_approvals(desk.path)] == ["geprüft"]


def test_codes_that_a_spreadsheet_altered_are_known_by_their_key(desk: Tiny, lines: Lines) -> None:
    for code, cell in (("00123", "123"), ("1E5", "1,00E+05"), ("3-11", "03. Nov"), ("=1+1", "2")):
        of(lines, code)["sourceCode"] = cell
    of(lines, "3-11")["sourceCode"] = "11-Mar"
    done = applied(desk, approve(lines, "00123", "1E5", "3-11"))
    assert approvals(desk) == {"00123": {ASTHMA}, "1E5": {COUGH}, "3-11": {ANEMIA}}
    assert "a spreadsheet has altered sourceCode in lines 2, 3, 4" in str(done["notices"])


def test_without_its_key_an_altered_code_is_refused_with_the_cause(desk: Tiny, lines: Lines) -> None:
    of(lines, "00123")["sourceCode"] = "123"
    approve(lines, "00123")
    for line in lines:
        line["ADD_INFO:key"] = ""
    message = refused(desk, lines)
    assert "back.csv:2, column sourceCode" in message
    assert "leading zeros dropped" in message


def test_columns_sorted_apart_are_refused(desk: Tiny, lines: Lines) -> None:
    approve(lines, "E119", "00123", "1E5")
    cells = [line["sourceCode"] for line in lines]
    for line, cell in zip(lines, [*cells[1:], cells[0]], strict=True):
        line["sourceCode"] = cell
    assert "sorted or filled apart" in refused(desk, lines)


def other(code: str, **cells: str) -> Callable[[Lines], object]:
    return lambda lines: approve(lines, code, **cells)


def two_people(lines: Lines) -> None:
    approve(lines, "1E5")
    lines.append({**of(lines, "1E5"), "conceptId": str(ASTHMA), "statusSetBy": "Bo"})


def two_statuses(lines: Lines) -> None:
    approve(lines, "1E5")
    lines.append({**of(lines, "1E5"), "mappingStatus": "FLAGGED"})


def both(lines: Lines) -> None:
    approve(lines, "1E5")
    lines.append({**of(lines, "1E5"), "conceptId": "0"})


def unknown_code(lines: Lines) -> None:
    approve(lines, "1E5")
    of(lines, "1E5").update({"sourceCode": "nobody has it", "ADD_INFO:key": "SNOMED|nobody has it"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other("1E5", conceptId="999999999"), "column conceptId: expected a concept of the vocabulary"),
        (other("1E5", conceptId="45766052"), "expected a valid standard concept, got one that is not. It maps to 317009."),
        (other("1E5", conceptId="2,55E+05"), "expected a concept id"),
        (other("1E5", conceptId=""), "column conceptId: expected a concept id"),
        (other("1E5", statusSetBy=""), "Fill the column, or name yourself by --by NAME"),
        (other("1E5", mappingStatus="yes"), "column mappingStatus: expected one of APPROVED"),
        (other("1E5", mappingType="MAPS_TO_VALUE"), "column mappingType"),
        (other("1E5", equivalence="roughly"), "column equivalence"),
        (other("1E5", statusSetOn="yesterday"), "column statusSetOn"),
        (two_people, "expected one decision for a code, got two"),
        (two_statuses, "expected one status for a code"),
        (both, "expected a concept, or none, got both"),
        (unknown_code, "expected a code that the study has"),
    ],
)
def test_what_cannot_be_applied_names_its_line_and_nothing_is(desk: Tiny, lines: Lines, spoil: Callable[[Lines], object], message: str) -> None:
    approve(lines, "E119")
    spoil(lines)
    assert message in refused(desk, lines)


def test_a_file_of_another_shape_is_refused(desk: Tiny, lines: Lines) -> None:
    without = [{name: cell for name, cell in line.items() if name != "conceptId"} for line in lines]
    assert "none named 'conceptId'" in refused(desk, without)
    file = save(desk.path / "back.csv", lines)
    content = file.read_text(encoding="utf-8").splitlines()
    for broken, message in (
        ([content[0] + ",conceptId", *content[1:]], "'conceptId' twice"),
        ([*content[:2], content[2] + ",typed,into", *content[3:]], ":3: expected"),
        ([*content[:2], content[2][:9], *content[3:]], ":3: expected"),
        ([*content[:2], '2,"open', *content[3:]], "a quote that does not close"),
    ):
        file.write_text("\n".join(broken) + "\n", encoding="utf-8")
        result = desk.plait("map", "apply", str(file))
        assert result.code == 1
        assert message in result.err
    assert not (desk.path / "mappings").exists()


def test_a_dry_run_writes_nothing_and_a_run_at_once_does_all(desk: Tiny, lines: Lines) -> None:
    done = applied(desk, approve(lines, "E119"), "--dry-run")
    assert (done["dry_run"], done["persons"]) == (True, 1)
    assert not (desk.path / "mappings").exists()
    file = save(desk.path / "back.csv", lines)
    result = desk.plait("map", "apply", str(file), "--run")
    assert result.code == 0
    assert ("E119", DIABETES) in conditions(desk)


def test_by_names_who_approved_what_does_not_say_so(desk: Tiny, lines: Lines) -> None:
    approve(lines, "E119", statusSetBy="")
    applied(desk, approve(lines, "1E5"), "--by", "Cleo")
    assert {approval.source_code: approval.approved_by for approval in read_approvals(desk.path)} == {"E119": "Cleo", "1E5": "Ana"}


def test_a_file_of_approvals_that_somebody_spoilt_stops_a_run(desk: Tiny, lines: Lines) -> None:
    applied(desk, approve(lines, "E119"))
    file = desk.path / "mappings" / "approved.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",201826,", ",two,"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"approved.csv:2"):
        plait.open(desk.path).run_etl(threads=2)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", "'=1", "''", "-5", "@x", "+1", "\t=x", "a\\b", 'say "x"', "007"]
)


@given(TEXT)
def test_no_text_is_a_formula_and_each_comes_back(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(cell) == guarded(text)[cell.startswith("'") :] == (" ".join(text.splitlines()) if not text.isprintable() else text)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, st.integers(0, 10)), max_size=8))
def test_approvals_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str, int]]) -> None:
    folder: Path = tmp_path_factory.mktemp("study")
    moment = dt.datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - as all stored times
    flat = [tuple(" ".join(str(cell).splitlines()) if not str(cell).isprintable() else str(cell) for cell in row[:3]) for row in rows]
    made = {
        (system, code, row[3]): Approval(code, system, words or None, row[3], "SNOMED", None, "Ana", moment, words or None, "r.csv", "0" * 64, moment)
        for row, (system, code, words) in zip(rows, flat, strict=True)
    }
    write_approvals(folder, made.values())
    assert set(read_approvals(folder)) == set(made.values())
    with (folder / "mappings" / "approved.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == len(made) + 1


@pytest.mark.parametrize(
    ("code", "cell"),
    [("00123", "123"), ("1E5", "1.00E+05"), ("1E5", "100000"), ("1E5", "1,00E+05"), ("3-11", "11-Mar"), ("3-11", "3/11/2026"), ("e11.9", "E11.9"), (" x", "x"),
     ("12345678901234567", "1.23457E+16"), ("12345678901234567", "12345678901234500")],
)  # fmt: skip
def test_what_a_spreadsheet_does_to_codes_is_known(code: str, cell: str) -> None:
    assert is_altered(code, cell)


@pytest.mark.parametrize(("code", "cell"), [("123", "124"), ("E119", "I10"), ("00123", ""), ("1E5", "1.2E+05"), ("asthma", "11-Mar")])
def test_another_code_is_not_taken_for_an_altered_one(code: str, cell: str) -> None:
    assert not is_altered(code, cell)
