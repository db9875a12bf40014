"""Who changed since the last version: by a digest of each person's staged rows, per source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from plait.duck import literal, make_view, parquet, quoted, sql, write_parquet
from plait.etl.adopted import DIMENSIONS
from plait.etl.stage import StagedFile, coded_columns, persons_file
from plait.etl.staging import CLAIMED, SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.tombstones import Tombstones

_REFERENCES = {"provider": "provider", "care_site": "care_site", "location": "location"} | DIMENSIONS
"""Columns of staged rows that name a dimension row → the dimension."""


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """How many persons of a source came, changed and left."""

    source: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What is to be done in a shard: nobody stays as he is (`is_whole`), or some do; `digest` is over its persons' states and staged rows."""

    is_whole: bool
    digest: str


class Shared(NamedTuple):
    """What many persons' rows depend on: a file of the version before (None where it does not count) and one of now, each.

    `dimensions` are the ids of providers, care sites and locations, `contested` the specimens and images that several persons claim, `codes`
    digests of what every code means.
    """

    dimensions: tuple[Path | None, Path]
    contested: tuple[Path | None, Path]
    codes: tuple[Path | None, Path]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run has to do: the state of every person, in a file, and the shards that hold somebody to compute.

    `dimensions` is a digest of the ids of providers, care sites and locations, `contested` one of the specimens and images that
    several persons claim; `remapped` counts the persons whose codes came to mean something else.
    """

    persons: int
    shards: dict[int, ShardWork]
    dimensions: str
    contested: str
    sources: tuple[SourceChanges, ...]
    remapped: int


def load_present(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile]) -> None:
    """Make the table `present` (system, identifier, person_id) of the persons whom some file brings now."""
    paths = [file.path for file in staged if file.shape == "person" and file.rows]
    make_view(
        con, "staged_persons", f"FROM {parquet(*paths)}" if paths else 'SELECT NULL AS system, NULL AS person, NULL AS reject, NULL AS "ignore" WHERE false'
    )
    con.execute(sql("plait.etl", "present"))


def find_contested(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], file: Path, tombstones: Tombstones) -> None:
    """Write which specimens and images several persons claim, or did before one was forgotten: nobody gets them.

    Makes the view `claimed` of all rows that name one.
    """
    named = [
        f"SELECT {literal(kind)} AS kind, system, {kind} AS key, person_id FROM {parquet(entry.path)} "
        f'WHERE {kind} IS NOT NULL AND reject IS NULL AND "ignore" IS NULL'
        for entry in staged
        for kind in CLAIMED
        if entry.rows and kind in SHAPES[entry.shape].columns
    ]
    make_view(con, "claimed", " UNION ALL ".join(named) if named else "SELECT NULL AS kind, NULL AS system, NULL AS key, 0 AS person_id WHERE false")
    found = sql("plait.etl", "contested")
    if tombstones.claims:
        tombstones.install(con)
        found = f"FROM ({found}) UNION FROM ({sql('plait.etl', 'still_contested')}) ORDER BY ALL"
    write_parquet(con, found, file)


def find_changes(
    con: duckdb.DuckDBPyConnection,
    staged: Sequence[StagedFile],
    *,
    before: Path | None,
    everybody: bool,
    shared: Shared,
    shard_persons: int,
    targets: tuple[Path, Path],
) -> Changes:
    """Compare every person's staged rows with those of the version before.

    Args:
        con: A connection with the tables `crosswalk` and `present`.
        staged: All staged files.
        before: Digests of the version before, None where there is none.
        everybody: Compute those who have not changed, too.
        shared: What many persons' rows depend on.
        shard_persons: Persons per shard.
        targets: Where the digests of now are written, and where the state of every person: `changed`, `same` or `gone`.
    """
    digests, persons = targets
    summaries = [str(persons_file(file.path)) for file in staged if persons_file(file.path).is_file()]
    make_view(
        con,
        "person_summary",
        f"FROM {parquet(*summaries)}" if summaries else "SELECT NULL AS system, NULL AS person, 0 AS rows, 0 AS digest, NULL AS source WHERE false",
    )
    write_parquet(con, sql("plait.etl", "person_digests"), digests)
    make_view(con, "digest_now", f"FROM {parquet(digests)}")
    make_view(con, "digest_before", f"FROM {parquet(before)}" if before is not None else "FROM digest_now WHERE false")
    con.execute("CREATE OR REPLACE TEMP TABLE touched (person_id BIGINT)")
    dimensions, contested, codes = shared
    remapped = _touch_by_codes(con, staged, codes[0], codes[1]) if codes[0] is not None else 0
    if everybody:
        con.execute("INSERT INTO touched SELECT DISTINCT person_id FROM present")
    elif dimensions[0] is not None:
        _touch_by_dimensions(con, staged, dimensions[0], dimensions[1])
    make_view(con, "contested_now", f"FROM {parquet(contested[1])}")
    make_view(con, "contested_before", f"FROM {parquet(contested[0])}" if contested[0] is not None else "FROM contested_now WHERE false")
    con.execute(sql("plait.etl", "touch_contested"))
    con.execute(sql("plait.etl", "person_states"))
    write_parquet(con, "FROM person_state ORDER BY person_id, system, identifier", persons)
    shards = {
        int(number): ShardWork(bool(is_whole), str(digest))
        for number, is_whole, digest in con.execute(sql("plait.etl", "shards_to_do"), {"size": shard_persons}).fetchall()
    }
    row = con.execute("SELECT count(DISTINCT person_id) FROM present").fetchone()
    ids = con.execute(sql("plait.etl", "dimensions_digest"), {"file": str(dimensions[1])}).fetchone()
    sources = tuple(SourceChanges(*counts) for counts in con.execute(sql("plait.etl", "source_changes")).fetchall())
    claims = con.execute("SELECT count(*), md5(string_agg(concat_ws('/', kind, system, key), ',' ORDER BY kind, system, key)) FROM contested_now").fetchone()
    return Changes(int(row[0]) if row else 0, shards, str(ids), str(claims), sources, remapped)


def _touch_by_codes(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], before: Path, now: Path) -> int:
    """Mark the persons whose rows name a code that means something else than before, and give their number."""
    con.execute(sql("plait.etl", "code_changes"), {"before": str(before), "now": str(now)})
    row = con.execute("SELECT count(*) FROM code_change").fetchone()
    if not row or not row[0]:
        return 0
    make_view(con, "coded", coded_rows((file.shape, file.path) for file in staged if file.rows and SHAPES[file.shape].of_person))
    con.execute(sql("plait.etl", "touch_by_codes"))
    row = con.execute("SELECT count(*) FROM touched").fetchone()
    return int(row[0]) if row else 0


def coded_rows(files: Iterable[tuple[str, object]]) -> str:
    """Give the SELECT over all codes that the rows of staged files (shape, path) name.

    Its columns are `shape`, `attribute`, `source`, `system`, `person` and `person_id` (null where the row is nobody's), `code_system`, `code`, and the domain
    that the row hints at for it (`hint`).
    """
    parts = [
        f"SELECT {literal(shape)} AS shape, {literal(column)} AS attribute, source, system, {_who(shape)}, "
        f"{code_system} AS code_system, {quoted(column)} AS code, {_hint(shape, column)} AS hint "
        f'FROM {parquet(path)} WHERE {quoted(column)} IS NOT NULL AND reject IS NULL AND "ignore" IS NULL'
        for shape, path in files
        for column, code_system in coded_columns(shape)
    ]
    return " UNION ALL ".join(parts) or _NO_CODES


def _who(shape: str) -> str:
    """Give the SQL for whom a row is of."""
    return "person, person_id" if SHAPES[shape].of_person else "NULL AS person, NULL AS person_id"


def _hint(shape: str, column: str) -> str:
    """Give the SQL for the domain that a row hints at for one of its codes."""
    is_hinted = "domain" in SHAPES[shape].columns and (column == "code" or column.startswith("alternative"))
    return "coalesce(fixed_domain, domain)" if is_hinted else "CAST(NULL AS VARCHAR)"


_NO_CODES = (
    "SELECT NULL AS shape, NULL AS attribute, NULL AS source, NULL AS system, NULL AS person, NULL AS person_id, NULL AS code_system, "
    "NULL AS code, NULL AS hint WHERE false"
)


def _touch_by_dimensions(con: duckdb.DuckDBPyConnection, staged: Sequence[StagedFile], before: Path, now: Path) -> None:
    """Mark the persons whose rows name a dimension row that came or went."""
    con.execute(sql("plait.etl", "dimension_changes"), {"before": str(before), "now": str(now)})
    row = con.execute("SELECT count(*) FROM dimension_change").fetchone()
    if not row or not row[0]:
        return
    for file in staged:
        shape = SHAPES[file.shape]
        for column, dimension in _REFERENCES.items():
            if shape.of_person and column in shape.columns and file.rows:
                make_view(con, "referring", f"SELECT system, person, CAST({column} AS VARCHAR) AS key FROM {parquet(file.path)}")
                con.execute(sql("plait.etl", "touch"), {"dimension": dimension})
