"""What somebody could learn from a package who has nothing but it: each test is an attack that once worked."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

import plait
from tiny_omop import CDM, Legacy

if TYPE_CHECKING:
    from pathlib import Path

LENIENT = {"rules": [{"checks": "*", "severity": "warning"}]}


@pytest.fixture(scope="module")
def withheld(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the CDM of a study of two persons, one of whom withholds something."""
    folder = tmp_path_factory.mktemp("withheld")
    study = Legacy(folder / "study").write(validation=LENIENT, policy={"min_cell": 1}, consent="consent.csv")
    (study.path / "consent.csv").write_text("person,modality,decision,from,to\n-9223372036854775808,omics,deny,,\n", encoding="utf-8")
    done = plait.open(study.run().path).export_omop(folder / "package", row_level=True)
    assert (done.persons, done.left_out) == (1, 1)
    return folder / "package"


def test_concepts_of_who_withholds_something_are_not_told(withheld: Path) -> None:
    for concept, is_told in ((201826, False), (1503297, False), (254761, True)):
        assert (duckdb.sql(f"FROM '{withheld}/concept.parquet' WHERE concept_id = {concept}").fetchone() is not None) == is_told


def test_the_day_of_a_program_is_nobodys(tmp_path: Path) -> None:
    """A program read all notes on one day: that day, shifted, would be everybody's shift."""
    study = Legacy(tmp_path / "study").write(validation=LENIENT, policy={"min_cell": 1}).run()
    plait.open(study.path).export_omop(tmp_path / "package", row_level=True)
    files = {name: f"'{tmp_path}/package/{name}.parquet'" for name in ("note", "note_nlp")}
    assert duckdb.sql(f"SELECT n.note_date - x.nlp_date FROM {files['note']} AS n JOIN {files['note_nlp']} AS x USING (note_id)").fetchall() == [(0,)]


@pytest.mark.parametrize("table", ["location", "care_site", "provider"])
def test_places_and_providers_of_who_withholds_something_alone_are_not_told(withheld: Path, table: str) -> None:
    assert duckdb.sql(f"FROM '{withheld}/{table}.parquet'").fetchall() == []
