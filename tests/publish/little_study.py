"""Hand-made studies of a few rows, whose every cell a test decides."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from plait.etl.commit import Version, commit, warehouse_of
from plait.etl.publish import PublishReport, publish
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Target


class Rows(UserDict[str, list[dict[str, Any]]]):
    """The rows of a hand-made CDM by table, whose every reference holds; values that are required and left out are 0, '' or the day of writing."""

    def __init__(self) -> None:
        super().__init__(
            person=[{"person_id": 1, "year_of_birth": 1950, "person_source_value": "p"}],
            note=[{"note_id": 4_194_304, "person_id": 1, "note_text": "nothing special"}],
            concept=[{"concept_id": 0, "domain_id": "D", "vocabulary_id": "V", "concept_class_id": "C"}],
            domain=[{"domain_id": "D"}],
            vocabulary=[{"vocabulary_id": "V"}],
            concept_class=[{"concept_class_id": "C"}],
        )


_REQUIRED = {"integer": 0, "float": 0.0, "varchar": "", "date": date(2024, 2, 29), "datetime": datetime(2024, 2, 29)}  # noqa: DTZ001 - OMOP's times have no zone


@dataclass(frozen=True)
class Little:
    """A hand-made study of one version."""

    path: Path
    version: Version

    def publish(self, target: Target, **more: Any) -> PublishReport:  # noqa: ANN401 - what `publish` takes
        return publish(self.path, self.version, target.url, **more)


def with_notes(*texts: str) -> Rows:
    """Give rows with these notes."""
    rows = Rows()
    rows["note"] = [{"note_id": number, "person_id": 1, "note_text": text} for number, text in enumerate(texts)]
    return rows


def version_of(number: int, files: dict[str, list[str]]) -> Version:
    """Give a version with these files of the CDM; what else a version knows stays empty."""
    empty: dict[str, Any] = {"int": 0, "str": "", "str | None": None}
    values = {field.name: empty.get(str(field.type), {}) for field in dataclasses.fields(Version) if field.default_factory is dataclasses.MISSING}
    return Version(**values | {"version": number, "tables": {"cdm": files, "books": {}}})


def write_little(folder: Path, number: int, rows: Rows, *, fill: bool = True) -> Little:
    """Write version `number` of a study with the rows given; with `fill=False` nothing is added to what is left out."""
    files: dict[str, list[str]] = {}
    with duckdb.connect() as con:
        for table, given in rows.items():
            spec = cdm_tables()[table]
            required = {field.name: _REQUIRED[field.base_type] for field in spec.fields if field.required and fill}
            con.execute(f"CREATE TABLE {table} AS {empty_select(spec)}")
            for row in given:
                values = required | row
                names = ", ".join(f'"{name}"' for name in values)
                con.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
            files[table] = [f"cdm/{table}/{number}.parquet"]
            file = warehouse_of(folder) / files[table][0]
            file.parent.mkdir(parents=True, exist_ok=True)
            con.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
    version = version_of(number, files)
    commit(folder, version)
    (folder / "plait.yaml").write_text("study: little\n", encoding="utf-8")
    return Little(folder, version)
