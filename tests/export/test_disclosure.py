"""Small cells: nothing that is left out can be worked out from what is told, and what could be stops an export."""

# ruff: noqa: S608 - tables of the CDM

from __future__ import annotations

import csv
import json
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import plait
from plait.duck import sql
from plait.errors import ExportError
from plait.export.disclosure import audit as last_look
from plait.export.disclosure.cells import Sum, protected, suppressed
from plait.export.disclosure.checks import enough_rows, told_results
from plait.export.disclosure.derive import Equation, derivable
from plait.export.fair import aggregates, missing

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = [0, 0, 1, 2, 3, 7, 10, 11, 12, 15, 20, 33, 60, 150]


def widths(counts: list[int], told: list[int | None], sums: list[Sum]) -> list[float]:
    """Give, for each count that is not told, the most less the least that whoever knows the others and how they add up can say it is."""
    hidden = [place for place, count in enumerate(told) if count is None]
    weights, known = np.zeros((len(sums), len(hidden))), np.zeros(len(sums))
    for row, one in enumerate(sums):
        for place, sign in [(one.total, 1), *((part, -1) for part in one.parts)]:
            if told[place] is None:
                weights[row, hidden.index(place)] = sign
            else:
                known[row] -= sign * counts[place]
    found = []
    for column in range(len(hidden)):
        wanted = np.eye(len(hidden))[column]
        ends = [linprog(sign * wanted, A_eq=weights, b_eq=known, bounds=(0, None)) for sign in (1, -1)]
        found.append(float("inf") if ends[1].status == 3 else -ends[1].fun - ends[0].fun)
    return found


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(2, 20))
@settings(max_examples=60, deadline=None)
def test_one_breakdown_gives_no_cell_away(counts: list[int], min_cell: int) -> None:
    told = suppressed(counts, min_cell)
    assert all(count is None or count == counts[place] for place, count in enumerate(told))
    assert all(count is None or count == 0 or count >= min_cell for count in told)
    if sum(counts) >= min_cell:
        sums = [Sum(len(counts), tuple(range(len(counts))))]
        assert all(width > min_cell - 1e-6 for width in widths([*counts, sum(counts)], [*told, sum(counts)], sums))


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_two_ways_with_margins_give_no_cell_away(seed: int, rows: int, columns: int) -> None:
    """Cells, margins and the total of a table: what linear programming can say of a cell that is not told is wider than the smallest cell."""
    chance = np.random.default_rng(seed)
    table = chance.choice(COUNTS, (rows, columns))
    counts = [int(count) for count in (*table.ravel(), *table.sum(1), *table.sum(0), table.sum())]
    inner, last = rows * columns, len(counts) - 1
    sums = [Sum(inner + row, tuple(range(row * columns, (row + 1) * columns))) for row in range(rows)]
    sums += [Sum(inner + rows + column, tuple(range(column, inner, columns))) for column in range(columns)]
    sums += [Sum(last, tuple(range(inner, inner + rows))), Sum(last, tuple(range(inner + rows, last)))]
    told = protected(counts, sums, 11, fixed=(last,))
    assert all(count is None or count == counts[place] for place, count in enumerate(told))
    assert all(count is None or count == 0 or count >= 11 for count in told)
    if counts[last] >= 11:
        assert told[last] == counts[last]
        assert all(width > 11 - 1e-6 for width in widths(counts, told, sums))
    cells = dict(enumerate(told))
    assert not derivable(cells, [Equation(one.total, one.parts) for one in sums], 11)


def test_a_margin_that_follows_in_any_case_is_told() -> None:
    """Of 43 persons none are in the first row, so that the margin of the second follows from the total: it gives nothing away."""
    sums = [Sum(4, (0, 1)), Sum(5, (2, 3)), Sum(6, (0, 2)), Sum(7, (1, 3)), Sum(8, (4, 5)), Sum(8, (6, 7))]
    assert protected([0, 0, 33, 10, 0, 43, 33, 10, 43], sums, 11, fixed=(8,)) == [0, 0, None, None, 0, 43, None, None, 43]


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_the_last_look_finds_what_linear_programming_finds_exactly(seed: int, rows: int, columns: int) -> None:
    """Of a table with any cells left out, those whose value follows."""
    chance = np.random.default_rng(seed)
    table = chance.choice(COUNTS, (rows, columns))
    counts = [int(count) for count in (*table.ravel(), *table.sum(1), *table.sum(0))]
    inner = rows * columns
    hidden = {place for place in range(inner) if chance.random() < 0.5}
    told = [None if place in hidden else count for place, count in enumerate(counts)]
    sums = [Sum(inner + row, tuple(range(row * columns, (row + 1) * columns))) for row in range(rows)]
    sums += [Sum(inner + rows + column, tuple(range(column, inner, columns))) for column in range(columns)]
    exact = {place for place, width in zip(sorted(hidden), widths(counts, told, sums), strict=True) if width < 1e-6}
    found = set(derivable(dict(enumerate(told)), [Equation(one.total, one.parts) for one in sums], 1))
    assert exact <= found
    narrow = {place for place, width in zip(sorted(hidden), widths(counts, told, sums), strict=True) if width < 11}
    assert set(derivable(dict(enumerate(told)), [Equation(one.total, one.parts) for one in sums], 11)) <= narrow


def test_a_total_that_gives_a_cell_away_is_refused() -> None:
    with pytest.raises(ExportError, match="a total that does"):
        protected([40, 40], [Sum(1, (0,))], 11, small=(0,), fixed=(1,))
    assert protected([40, 40], [Sum(1, (0,))], 11, small=(0,)) == [None, None]


@pytest.fixture(scope="module")
def study(demo_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the demo study, whose private/ may be written to."""
    folder = tmp_path_factory.mktemp("disclosure") / "study"
    shutil.copytree(demo_study, folder, ignore=shutil.ignore_patterns("snapshots", "features"))
    return folder


@pytest.fixture(scope="module")
def figures(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give its figures."""
    folder = tmp_path_factory.mktemp("figures") / "out"
    plait.open(study).export_fair(folder)
    return folder


def edited(figures: Path, target: Path, name: str, change: dict[tuple[str, str], str]) -> Path:
    """Give a copy of a package in which figures of persons of a table of `aggregates/` are others."""
    shutil.copytree(figures, target)
    file = target / "aggregates" / name
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    for row in rows:
        row["persons"] = change.get((row["breakdown"], row["category"]), row["persons"])
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_the_figures_of_a_study_pass(figures: Path) -> None:
    assert not last_look.audit(figures, 11, 200)
    told = list(csv.DictReader((figures / "aggregates/persons.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["persons"] for row in told if row["breakdown"] == "sex"} == {"114", "86"}
    assert sum(not row["persons"] for row in told) >= 4


def test_a_cell_of_three_with_its_complement_visible_is_found(figures: Path, tmp_path: Path) -> None:
    visible = edited(figures, tmp_path / "visible", "persons.csv", {("sex", "Female"): "197", ("sex", "Male"): ""})
    assert last_look.audit(visible, 11, 200) == ["persons.csv, sex: Male"]
    itself = edited(figures, tmp_path / "itself", "persons.csv", {("sex", "Female"): "197", ("sex", "Male"): "3"})
    assert "persons.csv, column persons" in last_look.audit(itself, 11, 200)


def test_a_small_cell_stops_the_export(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suppression that leaves the complement: each cell below the smallest is left out, and nothing else is."""

    def only_small(counts: list[int], sums: object, min_cell: int, *, small: frozenset[int] | tuple[()] = (), fixed: object = ()) -> list[int | None]:
        del sums, fixed
        return [None if place in small or 0 < count < min_cell else count for place, count in enumerate(counts)]

    rows = "SELECT 'sex' AS breakdown, * FROM (VALUES ('Female', 'Female', NULL, 197), ('Male', 'Male', NULL, 3))"
    monkeypatch.setattr(aggregates, "sql", lambda package, name: rows if name == "groups" else sql(package, name))
    monkeypatch.setattr(aggregates, "protected", only_small)
    with pytest.raises(ExportError, match=r"fewer than 11.*persons\.csv, sex: Male"):
        plait.open(study).export_fair(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_rows_that_are_left_of_a_table_are_found(figures: Path, tmp_path: Path) -> None:
    """A concept of 4 rows that is left out alone, and checks that tell how many rows its table has."""
    shutil.copytree(figures, tmp_path / "out")
    file = tmp_path / "out/aggregates/concepts.csv"
    told = "table_name,concept_id,persons,records\ndeath,1,94,94\n"
    file.write_text(told, encoding="utf-8")
    assert last_look.audit(tmp_path / "out", 11, 200) == ["concepts.csv and checks.json, death: what the concepts that are told leave of its rows"]
    file.write_text(told + "death,2,4,4\n", encoding="utf-8")
    assert "concepts.csv, column records" in last_look.audit(tmp_path / "out", 11, 200)
    file.write_text(told + "death,2,,\n", encoding="utf-8")
    assert "concepts.csv, death: a concept of which not all is told" in last_look.audit(tmp_path / "out", 11, 200)


def test_concepts_that_are_not_told_do_not_follow_from_the_rows_of_their_table(figures: Path, study: Path) -> None:
    con = plait.open(study).connect()
    told = list(csv.DictReader((figures / "aggregates/concepts.csv").read_text(encoding="utf-8").splitlines()))
    missing = {}
    for table in {row["table_name"] for row in told}:
        (total,) = con.sql(f"SELECT count(*) FROM cdm.{table}").fetchone() or (0,)
        there = {str(concept) for (concept,) in con.sql(f"SELECT DISTINCT {aggregates.own_concept(table)} FROM cdm.{table}").fetchall()}
        missing[table] = hidden = there - {row["concept_id"] for row in told if row["table_name"] == table}
        left = total - sum(int(row["records"]) for row in told if row["table_name"] == table)
        assert not hidden or (len(hidden) > 1 and left - len(hidden) >= 11), table
    assert missing["condition_occurrence"] - {"0"}
    assert not [row for row in told if row["table_name"] == "condition_era" and row["concept_id"] in missing["condition_occurrence"]]


def test_figures_of_checks_are_of_enough_persons(study: Path) -> None:
    """Whoever the rows are of: as many persons as the smallest cell are needed for so many."""
    con = plait.open(study).connect()
    enough = enough_rows(con, ["measurement", "person", "death", "location", "plait.ledger"], 11)
    most = con.sql("SELECT sum(n) FROM (SELECT count(*) AS n FROM cdm.measurement GROUP BY person_id ORDER BY n DESC LIMIT 10)").fetchone()
    assert most is not None
    assert enough["measurement"] == most[0] + 1 > 3000
    assert (enough["person"], enough["death"], enough["location"], enough["plait.ledger"]) == (11, 11, 11, 11)


def result(name: str, violated: int, denominator: int, *, concept: str = "", table: str = "measurement") -> Any:  # noqa: ANN401 - stands for a result
    kind = SimpleNamespace(name=name)
    check = SimpleNamespace(suite="dqd", id=f"{name}.{table}.{concept}", type=kind, table=table, field="", concept_id=concept, threshold=0, severity="info")
    return SimpleNamespace(check=check, violated=violated, denominator=denominator, percent=None, status="PASS", reason=None)


def test_checks_keep_their_status_and_lose_what_tells_of_few() -> None:
    results = [
        result("isRequired", 0, 1000),
        result("plausible", 3, 1000),
        result("complete", 400, 1000),
        result("nearly", 0, 997),
        result("half", 600, 1000),
        result("unit", 0, 500, concept="3004249"),
        result("measurePersonCompleteness", 40, 200),
    ]
    told = told_results(results, {"measurement": 50}, 11, withheld=[("measurement", 3004249)])
    assert [row["denominator"] for row in told] == [1000, None, 1000, None, 1000, None, 200]
    assert {row["status"] for row in told} == {"PASS"}
    told = told_results(results, {"measurement": 50}, 11, is_everybody=False)
    assert {row["denominator"] for row in told} == {None}
    told = told_results(results, {"measurement": 50}, 11, records={"measurement": 990})
    assert [row["denominator"] for row in told][:2] == [None, None]


def test_the_last_look_sees_differences_of_checks(tmp_path: Path) -> None:
    rows = [{"check_id": f"a{n}", "table_name": "death", "violated": v, "denominator": d} for n, (v, d) in enumerate([(98, 200), (0, 98)])]
    (tmp_path / "checks.json").write_text(json.dumps({"results": rows}), encoding="utf-8")
    assert not last_look.audit(tmp_path, 11, 200)
    rows.append({"check_id": "b", "table_name": "death", "violated": 0, "denominator": 95})
    (tmp_path / "checks.json").write_text(json.dumps({"results": rows}), encoding="utf-8")
    assert last_look.audit(tmp_path, 11, 200) == ["checks.json, death: the difference of two figures"]
    (tmp_path / "README.md").write_text("Of these, 4 patients died.", encoding="utf-8")
    assert "README.md: a number of persons" in last_look.audit(tmp_path, 11, 200)


def snapshot(name: str, reasons: list[str], first: int = 0) -> missing.Described:
    """Give a snapshot of one view: a row of each of as many persons as there are reasons."""
    found = tuple(((first + person, 0), first + person, (reason,)) for person, reason in enumerate(reasons))
    return missing.Described(name, None, len(reasons), ("ct",), found, "", ())


def told(cells: list[missing.Cell]) -> dict[tuple[str, str], int | None]:
    """Give what is told of the view."""
    return {(cell.snapshot, cell.category): cell.rows for cell in cells if cell.breakdown == "ct"}


def test_training_rows_and_all_rows_do_not_give_the_others_away() -> None:
    """Of the whole, 14 have no CT; of the training rows, 13: told together, they tell of the one other row."""
    train = snapshot("train", ["UNKNOWN"] * 13 + ["OBSERVED"] * 30)
    whole = snapshot("whole", ["UNKNOWN"] * 13 + ["OBSERVED"] * 30 + ["UNKNOWN"] + ["OBSERVED"] * 20)
    apart = told(missing.count_cells([train], 11)) | told(missing.count_cells([whole], 11))
    assert apart == {("train", "UNKNOWN"): 13, ("train", "OBSERVED"): 30, ("whole", "UNKNOWN"): 14, ("whole", "OBSERVED"): 50}
    together = told(missing.count_cells([train, whole], 11))
    assert None in {together["train", "UNKNOWN"], together["whole", "UNKNOWN"]}
    assert None in {together["train", "OBSERVED"], together["whole", "OBSERVED"]}
    others = told(missing.count_cells([train, snapshot("other", ["UNKNOWN"] * 14 + ["OBSERVED"] * 50, first=1000)], 11))
    assert None not in others.values(), "they have no row in common"


def test_of_patterns_of_views_few_are_not_told() -> None:
    cells = missing.count_cells([snapshot("v1", ["UNKNOWN"] * 4 + ["OBSERVED"] * 50)], 11)
    assert told(cells) == {("v1", "UNKNOWN"): None, ("v1", "OBSERVED"): None}
    assert [cell.rows for cell in cells if cell.breakdown == "all"] == [54]
    patterns = [cell.category for cell in missing.count_cells([snapshot("v1", ["UNKNOWN"] * 14 + ["OBSERVED"] * 50)], 11) if cell.breakdown == missing.PATTERN]
    assert sorted(patterns) == ["ct", "none"]
