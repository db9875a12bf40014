"""k-anonymity and l-diversity: as counted by hand, on the tables as they leave, and asked for where the policy does."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plait
from plait.duck import connect
from plait.errors import ConfigError, ExportError
from plait.export.deidentify import tables
from plait.export.deidentify.key import ExportKey
from plait.export.disclosure.anonymity import QUASI_IDENTIFIERS, measure, of_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from shell import Result

ROWS = st.lists(st.tuples(st.sampled_from("FM"), st.sampled_from([None, "1950", "1960"]), st.sampled_from("abc")), min_size=1, max_size=40)


def measured(rows: list[tuple[Any, ...]], least: int, fewest: int) -> Any:  # noqa: ANN401 - figures
    con = connect()
    columns = {name: [row[place] for row in rows] for place, name in enumerate(("sex", "born", "ill"))}
    con.register("described", pa.table({"person_id": list(range(len(rows))), **columns}, schema=_SCHEMA))
    return measure(con, ["sex", "born"], [("ill", "SELECT person_id, ill AS held_value FROM described")], least=least, fewest=fewest)


_SCHEMA = pa.schema([("person_id", pa.int64()), ("sex", pa.string()), ("born", pa.string()), ("ill", pa.string())])


@given(ROWS, st.integers(1, 6), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_figures_are_those_counted_by_hand(rows: list[tuple[Any, ...]], least: int, fewest: int) -> None:
    classes = defaultdict(list)
    for sex, born, ill in rows:
        classes[sex, born].append(ill)
    found = measured(rows, least, fewest)
    assert found.k == min(map(len, classes.values()))
    assert found.classes == len(classes)
    assert found.persons_below == sum(len(one) for one in classes.values() if len(one) < least)
    kinds = {name: Counter(one) for name, one in classes.items()}
    (told,) = found.sensitive
    assert told.l == min(map(len, kinds.values()))
    assert told.persons_below == sum(len(classes[name]) for name, one in kinds.items() if len(one) < fewest)
    entropies = [math.exp(-sum(n / len(classes[name]) * math.log(n / len(classes[name])) for n in one.values())) for name, one in kinds.items()]
    assert told.entropy_l == pytest.approx(min(entropies), abs=1e-4)
    overall = Counter(ill for *_, ill in rows)
    distances = [sum(abs(one[ill] / len(classes[name]) - n / len(rows)) for ill, n in overall.items()) / 2 for name, one in kinds.items()]
    assert told.t == pytest.approx(max(distances), abs=1e-4)


def test_what_all_of_a_class_have_is_no_secret() -> None:
    """Two persons who are alike: both have cancer, one has gout as well."""
    con = connect()
    con.execute("CREATE TABLE described AS SELECT * FROM (VALUES (1, 'F'), (2, 'F')) AS t (person_id, sex)")
    held = "SELECT * FROM (VALUES (1, 'cancer'), (2, 'cancer'), (2, 'gout')) AS t (person_id, held_value)"
    (told,) = measure(con, ["sex"], [("ill", held)], least=2, fewest=2).sensitive
    assert (told.l, told.persons_below) == (1, 2)


@pytest.fixture(scope="module")
def study(few_with: Callable[..., Path]) -> Path:
    """Give a demo of few patients."""
    return few_with()


@pytest.fixture(scope="module")
def leaving(study: Path) -> duckdb.DuckDBPyConnection:
    """Give its tables, as they leave."""
    con = plait.open(study).connect()
    tables.prepare(con, ExportKey.new(), "SELECT person_id FROM cdm.person", 1)
    return con


def test_fields_are_those_that_leave(leaving: duckdb.DuckDBPyConnection) -> None:
    def k(*named: str, withheld: tuple[str, ...] = ()) -> int:
        return of_tables(leaving, named, (), withheld, least=1, fewest=1).k

    assert k("person.gender_concept_id") == min(row[0] for row in leaving.sql("SELECT count(*) FROM cdm.person GROUP BY gender_concept_id").fetchall())
    assert k("person.person_source_value") == 20, "it does not leave: all are alike"
    assert k("person.birth_datetime") == 1
    assert k("person.birth_datetime", withheld=("person",)) == 20
    assert 1 <= k(*QUASI_IDENTIFIERS) <= k("location.zip") <= 20
    assert k("visit_occurrence.visit_start_date") == 1
    with pytest.raises(ConfigError, match=r"person\.hat"):
        k("person.hat")


def test_too_few_who_are_alike_stop_the_export(study: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    settings_file = folder / "plait.yaml"
    before = settings_file.read_text(encoding="utf-8")
    policy = "policy: {min_cell: 1, quasi_identifiers: [person.year_of_birth], k_anonymity: 5, l_diversity: 2, sensitive: [person.gender_concept_id]}\n"
    settings_file.write_text(before + policy, encoding="utf-8")
    refused = command("export", "fair", tmp_path / "out", "-s", folder, "--row-level")
    assert refused.code == 1
    assert "policy.k_anonymity: expected 5 persons who are alike in person.year_of_birth, got" in refused.err
    settings_file.write_text(before + policy.replace("year_of_birth", "gender_concept_id"), encoding="utf-8")
    with pytest.raises(ExportError, match=r"policy\.l_diversity: expected 2 kinds of person\.gender_concept_id"):
        plait.open(folder).export_omop(tmp_path / "cdm", row_level=True)
    settings_file.write_text(before + "policy: {min_cell: 1, quasi_identifiers: [person.gender_concept_id], k_anonymity: 2}\n", encoding="utf-8")
    plait.open(folder).export_fair(tmp_path / "out", row_level=True)
    told = json.loads((tmp_path / "out/checks.json").read_text(encoding="utf-8"))["disclosure"]
    assert (told["k_asked_for"], told["are_declared"], told["share_alike_with_fewer_than"]) == (2, True, {"persons": 2, "at_most": 0.0})
    assert told["k"] >= 2
