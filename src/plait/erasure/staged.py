"""Staged rows: records of forgotten persons become rows of which nothing is told but that they were there, as a run with tombstones would have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, quoted, sql, write_parquet
from plait.etl.crosswalk import follow_links, load_crosswalk
from plait.etl.harmonize.reference import fact_domain
from plait.etl.manifest import read_manifest, write_manifest
from plait.etl.stage import codes_file, distinct_codes, manifest_file, numbers_of, persons_file
from plait.etl.staging import SHAPES
from plait.etl.tombstones import RULE, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.etl.tombstones import Tombstones

_PACKAGE = "plait.erasure"


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged file, and the one that takes its place.

    Attributes:
        path: The file.
        shape: Its shape.
        file_id: The source file that it is of.
        now: What takes its place; `path` where nobody is in it.
        rows: Rows of `now` that go on.
    """

    path: Path
    shape: str
    file_id: int
    now: Path
    rows: int


@dataclass(slots=True)
class Before:
    """What staged files were valid for, before: digests of the tombstones, and who had which number."""

    digest: str
    crosswalk: Path | None
    new_crosswalk: Path | None
    replaced: dict[Path, Staged] = field(default_factory=dict)


def find_records(con: duckdb.DuckDBPyConnection, warehouse: Path, versions: Iterable[Version]) -> list[tuple[Path, str, int]]:
    """Make the table `erased_record` (file_id, record) of all records that tell of the persons, and give all staged files: path, shape, file id.

    Needs `erased_identifier`.
    """
    found = sorted({(warehouse / entry["path"], str(entry["shape"]), int(entry["file_id"])) for version in versions for entry in version.staged})
    con.execute("CREATE OR REPLACE TEMP TABLE found_record (file_id BIGINT, record BIGINT)")
    for path, shape, _ in found:
        rows = f"{parquet(path)} AS s"
        queries = []
        if shape == "link":
            queries.append(
                f"SELECT DISTINCT file_id, record FROM {rows} WHERE s.person IN (SELECT n.person FROM {parquet(path)} AS n "
                "INNER JOIN erased_identifier AS i ON n.link_system = i.system AND n.identifier = i.identifier)"
            )
        elif SHAPES[shape].of_person:
            queries.append(f"SELECT DISTINCT file_id, record FROM {rows} INNER JOIN erased_identifier AS i ON s.system = i.system AND s.person = i.identifier")
        if shape == "cdm_fact_relationship":
            person = fact_domain("person")
            queries += [
                f"SELECT DISTINCT file_id, record FROM {rows} INNER JOIN erased_identifier AS i ON s.system = i.system "
                f"AND s.domain_concept_id_{place} = {person} AND CAST(s.fact_id_{place} AS VARCHAR) = i.identifier"
                for place in (1, 2)
            ]
        for query in queries:
            con.execute(f"INSERT INTO found_record {query}")
    con.execute("CREATE OR REPLACE TEMP TABLE erased_record AS SELECT DISTINCT file_id, record FROM found_record")
    return found


def rewrite_staged(
    con: duckdb.DuckDBPyConnection, files: list[tuple[Path, str, int]], before: Before, tombstones: Tombstones, token: str
) -> dict[Path, Staged]:
    """Write the staged files without the persons, where they are in them, and give what takes the place of which.

    Args:
        con: A connection with `erased_record` and `erased_identifier`.
        files: All staged files of all versions.
        before: What their manifests are valid for.
        tombstones: Those of now.
        token: In the names of new files.
    """
    replaced = {}
    for path, shape, file_id in files:
        now = _without_records(con, path, shape, token)
        row = con.execute(f'SELECT count(*) FILTER ("ignore" IS NULL AND reject IS NULL) FROM {parquet(now)}').fetchone()
        replaced[path] = Staged(path, shape, file_id, now, int(row[0]) if row else 0)
        _tell(con, path, now, before, tombstones)
    return replaced


def _without_records(con: duckdb.DuckDBPyConnection, path: Path, shape: str, token: str) -> Path:
    """Write a staged file and its summaries without the persons, unless they are not in it, and give the file."""
    row = con.execute(f"SELECT count(*) FROM {parquet(path)} SEMI JOIN erased_record USING (file_id, record) WHERE digest IS NOT NULL").fetchone()
    if not row or not row[0]:
        return path
    stem, _, numbers = path.stem.rpartition(".")
    target = path.with_name(f"{stem}.{numbers.partition('-')[0]}-{token}.parquet")
    if target.is_file() and all(file(path).is_file() == file(target).is_file() for file in (persons_file, codes_file)):
        return target
    # every column of the file has its own type in the rows that say nothing, too
    kinds = {name: kind for name, kind, *_ in con.execute(f"DESCRIBE FROM {parquet(path)}").fetchall()}
    said = {"file_id": "file_id", "source": "source", "file": "file", "system": "system", "record": "record", "part": "0", "ignore": literal(RULE)}
    said |= {"is_first": "true", "unparsed": "0"}
    nothing = ", ".join(f"CAST({said.get(name, 'NULL')} AS {kind}) AS {quoted(name)}" for name, kind in kinds.items())
    make_view(con, "staged_before", f"FROM {parquet(path)}")
    kept = "FROM staged_before ANTI JOIN erased_record USING (file_id, record)"
    gone = f"SELECT {nothing} FROM (SELECT DISTINCT file_id, source, file, system, record FROM staged_before SEMI JOIN erased_record USING (file_id, record))"
    write_parquet(con, f"SELECT * FROM ({kept}) UNION ALL SELECT * FROM ({gone})", target, compression="snappy")
    if persons_file(path).is_file():
        who = "ANTI JOIN (SELECT system, identifier AS person FROM erased_identifier) AS i USING (system, person)"
        write_parquet(con, f"FROM {parquet(persons_file(path))} {who}", persons_file(target))
    if codes_file(path).is_file():
        write_parquet(con, distinct_codes(shape, target), codes_file(target))
    return target


def _tell(con: duckdb.DuckDBPyConnection, path: Path, now: Path, before: Before, tombstones: Tombstones) -> None:
    """Have the manifest of a staged file name what takes its place, and say that it is valid with the tombstones of now."""
    manifest = manifest_file(path)
    content = read_manifest(manifest)
    if (
        content is None
        or content["path"].rpartition("/")[2] not in {path.name, now.name}
        or content.get("forgotten", "") not in {before.digest, tombstones.digest}
    ):
        return
    if content["path"].rpartition("/")[2] == now.name and content.get("forgotten", "") == tombstones.digest:
        return
    fates: dict[str, dict[str, int]] = {"staged": {}, "rejected": {}, "ignored": {}}
    for fate, reason, count in con.execute(sql("plait.etl", "staged_fates"), {"path": str(now)}).fetchall():
        fates[fate][reason or ""] = count
    row = con.execute(
        f'SELECT count(*) FILTER ("ignore" IS NULL AND reject IS NULL), coalesce(sum(unparsed), 0) FROM {parquet(now)}',
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    first, numbers = content["known_persons"], content["numbers"]
    if before.crosswalk is not None and numbers == numbers_of(before.crosswalk, first):
        numbers = numbers_of(before.new_crosswalk, first)
    content |= {"path": str(now), "rows": int(row[0]), "unparsed": int(row[1]), "rejected": fates["rejected"], "ignored": fates["ignored"]}
    content |= {"numbers": numbers, "forgotten": tombstones.digest}
    write_manifest(manifest, [file for file in (now, persons_file(now), codes_file(now)) if file.is_file()], content)


def write_crosswalk(con: duckdb.DuckDBPyConnection, crosswalk: Path, target: Path) -> Path:
    """Write a crosswalk in which a tombstone stands in the place of each forgotten identifier."""
    query = sql(_PACKAGE, "crosswalk")
    con.execute(f"CREATE OR REPLACE TEMP TABLE crosswalk_before AS FROM {parquet(crosswalk)}")
    write_parquet(con, query.replace("forgotten_system", literal(SYSTEM)), target)
    return target


def linked_file(con: duckdb.DuckDBPyConnection, crosswalk: Path, links: list[str], tombstones: Tombstones, target: Path) -> Path:
    """Write a crosswalk as a run has it while it stages: links followed."""
    load_crosswalk(con, crosswalk)
    follow_links(con, links, tombstones)
    write_parquet(con, "FROM crosswalk ORDER BY ALL", target)
    return target


def links_of(warehouse: Path, version: Version) -> list[str]:
    """Give the staged files of the links of a version."""
    return [str(warehouse / entry["path"]) for entry in version.staged if entry["shape"] == "link" and entry["rows"]]


def records_by_file(con: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Give how many records of each source file tell of the persons."""
    return {int(file_id): int(records) for file_id, records in con.execute("SELECT file_id, count(*) FROM erased_record GROUP BY file_id").fetchall()}
