"""The study's distinct codes, mapped once: the one place where a source code meets the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import literal, quoted, sql
from plait.errors import ConfigError
from plait.etl.staging import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.etl.stage import StagedFile

_UNIT_SYSTEM = "UCUM"
_MAP_COLUMNS = ("source_code", "source_vocabulary_id", "source_code_description", "target_concept_id", "target_vocabulary_id")


def coded_columns(shape: str) -> list[tuple[str, str]]:
    """Give (column of a code, SQL for its code system) of a shape, by its names."""
    columns = SHAPES[shape].columns
    pairs = [(name, quoted(f"{name}_system")) for name in columns if f"{name}_system" in columns and name != "code"]
    if "code" in columns:
        pairs.append(("code", '"code_system"'))
    if "value_code" in columns:
        pairs.append(("value_code", '"value_system"'))
    if "unit" in columns:
        pairs.append(("unit", literal(_UNIT_SYSTEM)))
    return pairs


def load_site_mappings(con: duckdb.DuckDBPyConnection, sources: Iterable[Source], files: Iterable[Path]) -> None:
    """Make the table `site_map` of the sources' own mappings and the study's, in SOURCE_TO_CONCEPT_MAP's columns.

    Raises:
        ConfigError: A mapping file lacks a column or gives no number for a concept.
    """
    con.execute(sql("plait.etl.vocabulary", "site_map"))
    for source in sources:
        if source.mappings is not None:
            _insert(con, source.mappings, f"{source.kind}/source_to_concept_map.csv")
    for file in files:
        try:
            _insert(con, file.read_text(encoding="utf-8"), str(file))
        except OSError:
            raise ConfigError(file, expected="a file of mappings", got="no readable file", todo="Mend 'mappings' in plait.yaml.") from None


def map_codes(con: duckdb.DuckDBPyConnection, staged: Iterable[StagedFile], sources: Iterable[Source]) -> int:
    """Make the table `study_map`, one row per (source, code system, code, target concept), and give its size.

    Needs the tables `site_map` and the views of `plait.etl.vocabulary.register` in schema `vocabulary`.
    """
    con.execute(sql("plait.etl.vocabulary", "study_code"))
    by_shape: dict[str, list[str]] = {}
    for file in staged:
        if file.rows:
            by_shape.setdefault(file.shape, []).append(file.path)
    for shape, paths in by_shape.items():
        for column, system in coded_columns(shape):
            display = "min(display)" if column == "code" and "display" in SHAPES[shape].columns else "NULL"
            con.execute(
                f"INSERT INTO study_code SELECT source, {system}, {quoted(column)}, {display}, count(*) FROM read_parquet($paths) "
                f'WHERE {quoted(column)} IS NOT NULL AND {system} IS NOT NULL AND reject IS NULL AND "ignore" IS NULL GROUP BY ALL',
                {"paths": paths},
            )
    aliases = [
        (source.name, alias, vocabulary_id, rank)
        for source in sources
        for alias, ids in source.rules.code_systems.items()
        for rank, vocabulary_id in enumerate(ids)
    ]
    if aliases:
        con.executemany("INSERT INTO system_alias VALUES (?, ?, ?, ?)", aliases)
    con.execute(sql("plait.etl.vocabulary", "study_map"))
    row = con.execute("SELECT count(*) FROM study_map").fetchone()
    return int(row[0]) if row else 0


def _insert(con: duckdb.DuckDBPyConnection, text: str, where: str) -> None:
    """Add the rows of one mapping file to `site_map`."""
    import csv
    import io

    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in _MAP_COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise ConfigError(
            f"{where}:1",
            expected=f"the columns {', '.join(_MAP_COLUMNS)}",
            got=f"none named '{missing[0]}'",
            todo="Write the file in the columns of OMOP's SOURCE_TO_CONCEPT_MAP.",
        )
    rows = []
    for line, row in enumerate(reader, 2):
        if not (row["target_concept_id"] or "").isdigit():
            raise ConfigError(f"{where}:{line}", expected="a concept id in target_concept_id", got="no number", todo="Mend the line.")
        rows.append(
            (
                row["source_code"],
                int(row.get("source_concept_id") or 0),
                row["source_vocabulary_id"],
                row["source_code_description"],
                int(row["target_concept_id"]),
                row["target_vocabulary_id"],
            )
        )
    if rows:
        con.executemany("INSERT INTO site_map SELECT ?, ?, ?, ?, ?, ?, DATE '1970-01-01', DATE '2099-12-31', NULL", rows)
