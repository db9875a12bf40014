"""A file of a source may stand anywhere, where an option of the source names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

import plait
from plait.demo.vocabulary import write_vocabulary
from plait.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

RULES = """\
kind: register
description: a register of births, and one of persons
options: {births: null}
files:
  persons: {needs: [id]}
  births: {option: births, lookup: true, needs: [id, born]}
"""
PERSONS = "-- One row: a person.\nSELECT p._pointer, p.id AS person, b.born AS birth FROM persons AS p LEFT JOIN births AS b ON p.id = b.id\n"


def register(folder: Path, rules: str = RULES, **options: str) -> plait.Study:
    """Give a study of two persons, whose dates of birth stand in a file of another folder."""
    write_vocabulary(folder / "athena")
    for name, text in (
        ("kind/source.yaml", rules),
        ("kind/persons.person.sql", PERSONS),
        ("here/persons.csv", "id\np1\np2\n"),
        ("there/b.csv", "id,born\np1,1970-01-01\np2,1980-01-01\n"),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    source = {"name": "births", "kind": "./kind", "path": "here", "person_system": "x", **options}
    (folder / "plait.yaml").write_text(yaml.safe_dump({"study": "named", "vocabulary": "athena", "sources": [source]}), encoding="utf-8")
    return plait.open(folder)


def births(study: plait.Study) -> list[int]:
    return sorted(study.table("person")["year_of_birth"].to_list())


def test_a_named_file_is_read_where_it_stands_and_its_change_is_seen(tmp_path: Path) -> None:
    study = register(tmp_path, births="there/b.csv")
    study.run_etl(threads=2)
    assert births(study) == [1970, 1980]
    assert study.connect().execute("SELECT file, path, records FROM plait.files ORDER BY ALL").fetchall() == [
        ("births", "b.csv", 2),
        ("persons", "persons.csv", 2),
    ]
    (tmp_path / "there" / "b.csv").write_text("id,born\np1,1970-01-01\np2,1990-01-01\n", encoding="utf-8")
    assert [change.changed for change in study.run_etl(threads=2).sources] == [1]
    assert births(study) == [1970, 1990]


def test_a_file_that_no_option_names_is_not_looked_for(tmp_path: Path) -> None:
    study = register(tmp_path)
    study.run_etl(threads=2)
    assert [row["reason"] for row in study.rejects()] == ["missing_value", "missing_value"]


def test_a_named_file_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source 'births', births: expected the path of a file.*'there/c\.csv', where there is none"):
        register(tmp_path, births="there/c.csv").run_etl(threads=2)


def test_a_file_of_an_option_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'berths', which stands not under 'options'"):
        register(tmp_path, RULES.replace("option: births", "option: berths")).run_etl(threads=2)
