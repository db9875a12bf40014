"""Splits the files of a folder once into one Parquet file a resource type, kept in the warehouse for as long as the folder is as it was.

A Bundle becomes its entries, and a resource those that it contains; where each stood is kept. What a reference may point to by
another name than its id (an identifier, the URL of an entry) is written down beside them, as no file tells of all others.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import ExitStack
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from plait.duck import connect, sql
from plait.errors import ConfigError, InputFileError
from plait.etl.own_code import code_digest
from plait.etl.sources.fhir.lines import blocks
from plait.etl.sources.listing import folder_of, list_folder

if TYPE_CHECKING:
    import duckdb

    from plait.etl.sources.folder import Source

QUERIES = "plait.etl.sources.fhir.queries"
OTHER = "other"
"""Sort of what is read by no SELECT of its own: other types of resources, and what is none."""

TARGETS = {
    "Patient": "person",
    "Encounter": "visit",
    "Practitioner": "provider",
    "PractitionerRole": "provider",
    "Organization": "care_site",
    "Location": "location",
    "Specimen": "specimen",
    "Medication": "medication",
    "Device": "device",
    "EpisodeOfCare": "episode",
}
"""Resource type → what it is as the target of a reference."""

_ELEMENT = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
"""What the name of an element of a resource looks like; others are no columns."""


def split(source: Source) -> Path:
    """Give the folder that holds a source's resources by type, having made it where its files have changed.

    It holds `TYPE.parquet` (the columns of `queries/written.sql`), `TYPE.stale.parquet`, `aliases.parquet` and `index.json` (type → names
    of its elements).

    Raises:
        ConfigError: The source is at a URL.
        InputFileError: A file cannot be cut into lines, or it changed meanwhile.
    """
    assert source.cache is not None  # noqa: S101 - a kind with a folder has one
    if source.url is not None:
        raise ConfigError(f"plait.yaml: source '{source.name}'", expected="the path of a folder", got="a URL", todo="Fetch the export first.")
    listing = list_folder(source.path)
    version = code_digest((__package__ or "", None))[:12]
    home = source.cache.with_suffix("")
    attachments = source.options.get("attachments")
    done = home / "-".join([listing.digest[:24], version, re.sub(r"\W", "_", f"{source.system} {attachments}")[:60]])
    if (done / "index.json").is_file():
        return done
    partial = home / ".partial"
    shutil.rmtree(home, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    _write(source, partial)
    if list_folder(source.path).digest != listing.digest:
        raise InputFileError(
            source.path,
            expected="a folder that stays as it is while it is read",
            got="one in which files came, changed or went",
            todo="Nothing was committed. Run again when the delivery is complete.",
        )
    partial.replace(done)
    return done


def elements(folder: Path) -> dict[str, list[str]]:
    """Give the sorts of resources that a split folder holds, and the names of the elements of each."""
    found: dict[str, list[str]] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return found


def reader_connection(folder: Path) -> duckdb.DuckDBPyConnection:
    """Give a connection with the reader's macros, whose memory is bounded: it spills beside what was split."""
    memory = max(2 << 30, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4) >> 20
    con = connect(threads=1, memory=f"{memory}MiB", spill=folder / "spill")
    con.execute(sql(__package__ or "", "macros"))
    return con


def _write(source: Source, folder: Path) -> None:
    """Write the resources of a source, block by block, and what joins them."""
    known = [name for name in source.rules.files if name != OTHER]
    names: dict[str, set[str]] = {}
    with ExitStack() as stack:
        con = stack.enter_context(reader_connection(folder))
        _make(con, "type_read", {"name": known})
        _make(con, "type_target", {"name": list(TARGETS), "target": list(TARGETS.values())})
        writers: dict[str, pq.ParquetWriter] = {}
        offset = 0
        for block in blocks(Path(folder_of(source.path)), list_folder(source.path).entries, source.options.get("attachments")):
            con.register("line", block)
            con.execute(sql(QUERIES, "split"))
            con.unregister("line")
            offset = _write_block(con, folder, writers, stack, offset)
            for kind, found in con.execute(sql(QUERIES, "elements")).fetchall():
                names.setdefault(kind, set()).update(found or [])
    if names:
        _write_joins(source, folder, sorted(names))
    index = {kind: sorted(name for name in found if _ELEMENT.fullmatch(name)) for kind, found in sorted(names.items())}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _write_block(con: duckdb.DuckDBPyConnection, folder: Path, writers: dict[str, pq.ParquetWriter], stack: ExitStack, offset: int) -> int:
    """Add a block's resources to the files of their types and their names to that of names; give how many there were so far."""
    con.execute(sql(QUERIES, "document"))
    table = con.execute(sql(QUERIES, "written"), {"earlier": offset}).to_arrow_table()
    for kind in pc.unique(table["type"]).to_pylist():
        _writer(writers, stack, folder / f"{kind}.parquet", table.schema).write_table(table.filter(pc.equal(table["type"], kind)))
    found = con.execute(sql(QUERIES, "names")).to_arrow_table()
    _writer(writers, stack, folder / "names.parquet", found.schema).write_table(found)
    return offset + int(table.num_rows)


def _writer(writers: dict[str, pq.ParquetWriter], stack: ExitStack, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    if path.stem not in writers:
        writers[path.stem] = stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd", compression_level=1))
    return writers[path.stem]


def _write_joins(source: Source, folder: Path, kinds: list[str]) -> None:
    """Write what other names lead to, and which resources have newer versions."""
    with reader_connection(folder) as con:
        names = {"names": str(folder / "names.parquet"), "system": source.system}
        _write_rows(con.execute(sql(QUERIES, "aliases"), names), folder / "aliases.parquet")
        for kind in (kind for kind in kinds if kind != OTHER):
            _write_rows(con.execute(sql(QUERIES, "stale"), {"file": str(folder / f"{kind}.parquet")}), folder / f"{kind}.stale.parquet")
    (folder / "names.parquet").unlink()
    shutil.rmtree(folder / "spill", ignore_errors=True)


def _write_rows(result: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the rows of a query as they come."""
    reader = result.to_arrow_reader(1 << 16)
    with pq.ParquetWriter(path, reader.schema, compression="zstd", compression_level=1) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _make(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, list[str]]) -> None:
    """Make a small table of text."""
    con.register("given", pa.table({key: pa.array(values, pa.string()) for key, values in columns.items()}))
    con.execute(f"CREATE TEMP TABLE {name} AS FROM given")
    con.unregister("given")


def read_table(name: str) -> list[dict[str, Any]]:
    """Give the rows of a CSV of this package."""
    import csv
    import io

    text = package_files(__package__ or "").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))
