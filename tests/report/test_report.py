"""The study's page: its figures are those of the CDM, small ones are not told, and it needs nothing but itself."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import stat
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plait
from plait.errors import ConfigError
from plait.report.cells import Pattern, combinations
from plait.report.facts import Facts, gather
from plait.report.page import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result
    from tiny_study import Tiny

_VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture(scope="module")
def demo_facts(demo_study: Path) -> Facts:
    return gather(plait.open(demo_study).store)


class _Page(HTMLParser):
    """Whether every element that is opened is closed, and what the page would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_its_figures_are_those_of_the_study(demo_study: Path, demo_facts: Facts) -> None:
    with plait.open(demo_study).connect() as con:
        sexes = dict(
            con.execute("SELECT c.concept_name, count(*) FROM cdm.person p JOIN cdm.concept c ON c.concept_id = p.gender_concept_id GROUP BY 1").fetchall()
        )
        per_year = dict(
            con.execute("SELECT year(measurement_date), count(*) FROM cdm.measurement GROUP BY 1 HAVING count(DISTINCT person_id) >= 11").fetchall()
        )
        mapped = con.execute("SELECT count(*), 100.0 * count_if(observation_concept_id != 0) / count(*) FROM cdm.observation").fetchone()
        read = con.execute("SELECT sum(read), sum(loaded), sum(rejected) FROM plait.ledger").fetchone()
    assert demo_facts.groups["Sex"] == dict(sexes)
    tables = {table.name: table for table in demo_facts.tables}
    assert {year: rows for year, rows in tables["measurement"].years if rows} == dict(per_year)
    assert (tables["observation"].records, tables["observation"].mapped_percent) == pytest.approx(mapped)
    assert tuple(sum(line[fate] for line in demo_facts.books["ledger"]) for fate in ("read", "loaded", "rejected")) == read
    for breakdown in ("Age at the last record", "Years observed", "Death"):
        assert sum(filter(None, demo_facts.groups[breakdown].values())) <= 200
    table = plait.open(demo_study).get_historical_features(plait.open(demo_study).cohort("cancer"))
    (cohort,) = demo_facts.cohorts
    assert cohort.rows == len(table)
    counted = {(row["view"], row["reason"]): row["rows"] for row in table.summary().iter_rows(named=True)}
    assert {(view, reason): rows for view, reasons in cohort.reasons.items() for reason, rows in reasons.items()} == counted
    for pattern in cohort.patterns:
        assert pattern.rows == sum({view for view, there in zip(table.views, row, strict=True) if there} == set(pattern.views) for row in table.present)


def test_the_page_needs_nothing_else(demo_facts: Facts) -> None:
    """It fetches nothing and runs nothing, is the same for the same facts, and its figures stand in it."""
    text = render(demo_facts)
    page = _Page(text)
    assert not {tag for tag, _ in page.seen} & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not [attributes for _, attributes in page.seen if set(attributes) & {"src", "srcset", "data", "action"}]
    assert all((attributes["href"] or "").startswith("#") for tag, attributes in page.seen if tag == "a")
    assert "url(" not in text
    assert "@import" not in text
    targets = {attributes["id"] for _, attributes in page.seen if "id" in attributes}
    assert {(attributes["href"] or "")[1:] for tag, attributes in page.seen if tag == "a"} == targets
    assert render(demo_facts) == text
    words = " ".join(" ".join(page.words).split())
    assert "180,602 read = 125,811 loaded + 48,060 merged + 25 rejected + 6,706 ignored" in words
    assert "Cohort cancer" in words


def test_nobody_stands_in_it(demo_study: Path, demo_facts: Facts) -> None:
    with (demo_study / "data" / "synthea" / "patients.csv").open(encoding="utf-8") as file:
        known = {row[column] for row in csv.DictReader(file) for column in ("Id", "LAST", "SSN", "BIRTHDATE") if row.get(column)}
    words = set(re.findall(r"[\w-]+", render(demo_facts)))
    assert known
    assert not known & words


def test_what_data_say_is_text(demo_facts: Facts) -> None:
    code = {
        "source": "<b>",
        "code_system": "&",
        "code": "<script>alert(1)</script>",
        "display": '"><img src=x>',
        "reason": "no_match",
        "rows": 12,
        "persons": 11,
    }
    text = render(dataclasses.replace(demo_facts, title="</title><script>", codes=(code,)))
    page = _Page(text)
    assert not [tag for tag, _ in page.seen if tag in {"script", "img", "b"}]
    assert "<script>alert(1)</script>" in page.words


def test_of_four_persons_nothing_is_told(tiny: Tiny) -> None:
    """Neither their number, nor a group, a table's persons, a year, or a code; the ledger is exact."""
    facts = gather(plait.open(tiny.path).store)
    assert facts.persons is None
    assert {count for groups in facts.groups.values() for count in groups.values()} == {None}
    assert {table.persons for table in facts.tables} == {None}
    assert {rows for table in facts.tables for _, rows in table.years} <= {None, 0}
    assert facts.codes == ()
    assert sum(line["read"] for line in facts.books["ledger"]) > 4
    words = " ".join(_Page(render(facts)).words)
    assert "never made" in words
    assert "No views are declared" in words


@given(st.dictionaries(st.sets(st.sampled_from("abcd")).map(lambda views: tuple(sorted(views))), st.integers(1, 30)), st.integers(2, 11))
def test_combinations_that_are_not_told_are_of_enough_rows(counts: dict[tuple[str, ...], int], min_cell: int) -> None:
    """With and without each view, whose sums are told; and of those that are told, each has enough."""
    shown = combinations([Pattern(views, rows) for views, rows in counts.items()], "abcd", min_cell)
    assert all(pattern.rows == counts[pattern.views] >= min_cell for pattern in shown)
    rest = {views: rows for views, rows in counts.items() if views not in {pattern.views for pattern in shown}}
    if shown:
        for view in "abcd":
            for there in (True, False):
                left = sum(rows for views, rows in rest.items() if (view in views) is there)
                assert left == 0 or left >= min_cell


def test_the_command(tiny: Tiny, tmp_path: Path, command: Callable[..., Result]) -> None:
    """It writes the page for its owner alone, where it is told to; again, the same page; JSON is what the page tells."""
    said = tiny.plait("report")
    file = tiny.path / "reports" / "study.html"
    assert (said.code, said.out) == (0, f"Wrote {file}.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_bytes()
    assert json.loads(tiny.plait("report", "--json").out)["study"] == "tiny"
    assert file.read_bytes() == first
    assert tiny.plait("report", "-o", str(tmp_path / "new" / "page.html"), "-q").out == ""
    assert (tmp_path / "new" / "page.html").read_bytes() == first
    assert [path.name for path in file.parent.iterdir()] == ["study.html"]
    assert command("report", "-s", tiny.path, "-o", tmp_path).code == 2
    with pytest.raises(ConfigError):
        plait.open(tiny.path).report(tmp_path)


def test_before_the_first_run_it_says_so(fresh: Tiny) -> None:
    said = fresh.plait("report")
    assert said.code == 1
    assert "plait run" in said.err
