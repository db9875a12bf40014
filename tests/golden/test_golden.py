"""Golden cases: each folder is a small study in staged terms and the CDM rows that must come of it.

A folder holds one CSV per staged shape (`event.csv`, `visit.csv`, …; columns of `plait.etl.staging`), the
expected tables under `expected/` (the columns to compare, in order of the row ids), `README.md` with the
rule and where it comes from, and, where needed, `source.yaml` (rules to add) and `study.yaml` (settings).
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

import plait
from plait.demo.vocabulary import write_vocabulary
from plait.etl.staging import SHAPES

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/README.md"))


def write_source(folder: Path, case: Path) -> None:
    """Write a source whose files are the staged shapes themselves."""
    folder.mkdir()
    rules: dict[str, Any] = {
        "kind": "golden",
        "description": "staged shapes as files",
        "person_system": "golden",
        "files": {name: {"optional": [*shape.columns, "_merge_key"]} for name, shape in SHAPES.items()},
    }
    if (case / "source.yaml").is_file():
        rules |= yaml.safe_load((case / "source.yaml").read_text(encoding="utf-8"))
    (folder / "source.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    for name in SHAPES:
        (folder / f"{name}.{name}.sql").write_text(f"-- One row: a {name}.\nSELECT * FROM {name}\n", encoding="utf-8")


def text(value: object) -> str:
    """Write a value as the expected files do."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, tmp_path: Path) -> None:
    write_source(tmp_path / "golden", case)
    write_vocabulary(tmp_path / "athena")
    settings: dict[str, Any] = {"study": "golden", "vocabulary": "athena", "sources": [{"name": "a", "kind": "./golden", "path": str(case / "data")}]}
    if (case / "study.yaml").is_file():
        settings |= yaml.safe_load((case / "study.yaml").read_text(encoding="utf-8").replace("CASE", str(case)))
    (tmp_path / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    study = plait.open(tmp_path)
    study.run_etl(threads=2)
    con = study.connect()
    for file in sorted((case / "expected").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            columns, *expected = list(csv.reader(handle))
        schema, _, table = file.stem.rpartition(".")
        rows = con.execute(f'SELECT {", ".join(columns)} FROM {schema or "cdm"}."{table}"').fetchall()
        got = sorted([text(value) for value in row] for row in rows)
        assert got == sorted(expected), file.stem


def test_every_case_expects_something() -> None:
    assert CASES
    assert all(list((case / "expected").glob("*.csv")) for case in CASES)
