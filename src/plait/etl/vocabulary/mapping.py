"""The study's distinct codes, mapped once: the one place where a source code meets the vocabulary."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Protocol

from plait.duck import sql, write_parquet
from plait.errors import ConfigError
from plait.etl.stage import codes_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.etl.vocabulary.approvals import Approval

_FIRST_DAY = dt.date(1970, 1, 1)
"""The day from which a mapping holds that does not say so."""

_MAP_COLUMNS = ("source_code", "source_vocabulary_id", "source_code_description", "target_concept_id", "target_vocabulary_id")


def load_site_mappings(con: duckdb.DuckDBPyConnection, sources: Iterable[Source], files: Iterable[Path], approvals: Sequence[Approval]) -> None:
    """Make the table `site_map` of the sources' own mappings and the study's, in SOURCE_TO_CONCEPT_MAP's columns and a rank.

    A line may name its target by `target_code`, a code of `target_vocabulary_id`, instead of a concept id: it counts
    where the vocabulary has that code. What somebody approved (rank 0) goes before all other mappings of a code (rank 1).

    Raises:
        ConfigError: A mapping file lacks a column, or has a line without a target.
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
    con.execute(sql("plait.etl.vocabulary", "site_map_by_code"))
    if approvals:
        rows = [
            (a.source_code, 0, a.source_vocabulary_id, a.source_code_description, a.target_concept_id, a.target_vocabulary_id, a.approved_at.date())
            for a in approvals
        ]
        _enter(con, "site_map", rows, 0)


class HasCodes(Protocol):
    """A staged file, as far as its codes go."""

    @property
    def path(self) -> str:
        """Where it stands."""


def map_codes(con: duckdb.DuckDBPyConnection, staged: Iterable[HasCodes], sources: Iterable[Source]) -> int:
    """Make the table `study_map`, one row per (source, code system, code, target concept), and give its size.

    Needs the tables `site_map` and the views of `plait.etl.vocabulary.register` in schema `vocabulary`.
    """
    con.execute(sql("plait.etl.vocabulary", "study_code"))
    summaries = [str(codes_file(file.path)) for file in staged if codes_file(file.path).is_file()]
    if summaries:
        con.execute(
            "INSERT INTO study_code SELECT source, code_system, code, display, records FROM read_parquet($files, hive_partitioning = false)",
            {"files": summaries},
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


def digest_codes(con: duckdb.DuckDBPyConnection, target: Path) -> None:
    """Write a digest of what each code means, which says whose rows a change of the vocabulary or of a mapping touches.

    Needs `study_map`, and the tables of `plait.etl.derive.eras.prepare_drugs`.
    """
    write_parquet(con, sql("plait.etl.vocabulary", "code_digests"), target)


def _insert(con: duckdb.DuckDBPyConnection, text: str, where: str) -> None:
    """Add the rows of one mapping file to `site_map`, those that name a code to `site_code`."""
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
    rows: dict[str, list[tuple[object, ...]]] = {"site_map": [], "site_code": []}
    for line, row in enumerate(reader, 2):
        concept, code = (row["target_concept_id"] or "").strip(), (row.get("target_code") or "").strip()
        if not concept.isdigit() and (concept or not code):
            raise ConfigError(f"{where}:{line}", expected="a concept id in target_concept_id, or a code in target_code", got="neither", todo="Mend the line.")
        rows["site_map" if concept else "site_code"].append(
            (
                row["source_code"],
                int(row.get("source_concept_id") or 0),
                row["source_vocabulary_id"],
                row["source_code_description"],
                int(concept) if concept else code,
                row["target_vocabulary_id"],
                _FIRST_DAY,
            )
        )
    _enter(con, "site_map", rows["site_map"], 1)
    _enter(con, "site_code", rows["site_code"], None)


def _enter(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]], rank: int | None) -> None:
    """Add rows to `site_map` or, without a rank, to `site_code`, all at once."""
    import pyarrow as pa

    if not rows:
        return
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    con.register("site_row", pa.table(columns, names=[str(place) for place in range(len(columns))]))
    con.execute(f"INSERT INTO {table} SELECT *, DATE '2099-12-31', NULL{'' if rank is None else f', {rank}'} FROM site_row")
    con.unregister("site_row")
