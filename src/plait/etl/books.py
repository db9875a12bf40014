"""Writing the books of a run: what was read, what became of it, what was noticed."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from plait import __version__
from plait.duck import literal, make_view, parquet, sql, write_parquet
from plait.etl.harmonize.reference import concept_of
from plait.schema import TableSpec, cdm_tables, empty_select, plait_tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.harmonize.shard import ShardResult
    from plait.etl.ledger import Entry
    from plait.etl.omics.assays import AssayFile
    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile
    from plait.etl.sources.matrix import Matrix
    from plait.etl.stage import StagedFile
    from plait.etl.vocabulary import Release
    from plait.etl.vocabulary.approvals import Approval
    from plait.settings import Settings

HISTORY = frozenset({"runs", "ledger", "ledger_reasons", "columns", "notices", "source_checks"})
"""Books that keep the pages of earlier runs; the others describe the present state."""

_ARROW = {"BIGINT": "int64", "DOUBLE": "float64", "DATE": "date32", "TIMESTAMP": "timestamp[us]", "VARCHAR": "string"}
"""The name that Arrow has for each type of a column."""

Notice = tuple[str, str | None, str, str | None, int]
"""(source, file, kind, detail, records)."""


def notices_of(
    con: duckdb.DuckDBPyConnection,
    warehouse: Path,
    staged: Iterable[StagedFile],
    results: Iterable[ShardResult],
    files: Iterable[InputFile],
    matrices: Iterable[tuple[Matrix, StagedFile]],
) -> list[Notice]:
    """Give what a reader should know beyond the ledger: empty files, unparsed readings, references to nothing, parts that are not kept."""
    counted: dict[tuple[str, str | None, str, str | None], int] = {}
    for file in staged:
        if file.records == 0:
            counted[file.source, file.file, "no_records", None] = 0
        if file.unparsed:
            key = (file.source, file.file, "unparsed_number", None)
            counted[key] = counted.get(key, 0) + file.unparsed
        counted |= _flags_of_ignored(con, file)
    make_view(con, "person_notice", book(warehouse, results, "person_notices"))
    for source, name, kind, detail, records in con.execute(sql("plait.etl", "notices_summed")).fetchall():
        counted[source, name, kind, detail] = records
    for found in files:
        if found.has_nul:
            counted[found.source, found.file, "nul_bytes", None] = 0
    for matrix, file in matrices:
        for part in matrix.not_kept:
            counted[file.source, file.file, "not_kept", part] = counted.get((file.source, file.file, "not_kept", part), 0) + 1
    return [(*key, records) for key, records in sorted(counted.items(), key=lambda item: tuple(map(str, item[0])))]


def _flags_of_ignored(con: duckdb.DuckDBPyConnection, file: StagedFile) -> dict[tuple[str, str | None, str, str | None], int]:
    """Give what was noticed of images that are left out and are nobody's, such as a DICOMDIR."""
    if file.shape != "image" or not file.ignored:
        return {}
    return {(file.source, file.file, kind, None): records for kind, records in con.execute(sql("plait.etl", "ignored_flags"), {"path": file.path}).fetchall()}


def sum_fates(con: duckdb.DuckDBPyConnection, warehouse: Path, results: Iterable[ShardResult]) -> list[tuple[str, str, str, int, int, int]]:
    """Give (source, file, shape, loaded, merged, written) over all persons."""
    make_view(con, "person_fate", book(warehouse, results, "person_fates"))
    return con.execute(sql("plait.etl", "fates_summed")).fetchall()


def count_rows(con: duckdb.DuckDBPyConnection, warehouse: Path, results: Iterable[ShardResult]) -> dict[str, int]:
    """Give the rows of every CDM table that shards write."""
    files: dict[str, list[Path]] = {}
    for result in results:
        for table, path in result.files["cdm"].items():
            files.setdefault(table, []).append(warehouse / path)
    counted = {table: con.execute(f"SELECT count(*) FROM {parquet(*paths)}").fetchone() for table, paths in files.items()}
    return {table: int(row[0]) if (row := counted.get(table)) else 0 for table in sorted({*counted, "person"})}


def collect_rejects(con: duckdb.DuckDBPyConnection, warehouse: Path, staged: Sequence[StagedFile], results: Iterable[ShardResult]) -> None:
    """Make the table `reject` of all rejected records, and an empty `reject_raw`.

    Needs the tables `crosswalk` and `present`.
    """
    con.execute(sql("plait.etl", "reject_tables"))
    for file in staged:
        if file.rejected:
            con.execute(sql("plait.etl", "staged_rejects"), {"shape": file.shape, "path": file.path})
    pointers = [
        f"SELECT source, file, {literal(file.shape)} AS shape, system, person_id, digest, file_id, record FROM {parquet(file.path)} WHERE {_SOUND}"
        for file in staged
        if file.rows
    ]
    make_view(con, "staged_pointer", " UNION ALL ".join(pointers) if pointers else _NO_POINTER)
    make_view(con, "person_reject", book(warehouse, results, "person_rejects"))
    con.execute(sql("plait.etl", "late_rejects"))
    con.execute(sql("plait.etl", "absent_rejects"))


def late_rejects(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str, int]]:
    """Give (source, file, shape, reason, records) of what was rejected after staging."""
    return con.execute(sql("plait.etl", "late_rejects_counted")).fetchall()


_SOUND = 'reject IS NULL AND "ignore" IS NULL'
_NO_POINTER = (
    "SELECT NULL AS source, NULL AS file, NULL AS shape, NULL AS system, NULL AS person_id, NULL AS digest, NULL AS file_id, NULL AS record WHERE false"
)


def book(warehouse: Path, results: Iterable[ShardResult], table: str) -> str:
    """Give the SELECT over a book of all shards."""
    paths = [warehouse / result.files["books"][table] for result in results if table in result.files["books"]]
    return f"FROM {parquet(*paths)}" if paths else empty_select(plait_tables()[table])


@dataclass(frozen=True, slots=True)
class Pages:
    """What a run enters into the books from Python: few rows each."""

    run: tuple[Any, ...]
    files: Sequence[tuple[int, InputFile, str, int]]
    entries: Sequence[Entry]
    columns: Sequence[tuple[str, str, str, str, str | None]]
    notices: Sequence[Notice]
    coverage: Sequence[tuple[str, str, dt.date | None, dt.date | None]]
    assays: Sequence[AssayFile] = ()
    checks: Sequence[tuple[Any, ...]] = ()
    approvals: Sequence[Approval] = ()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give the rows of each of plait's tables, in the order of its columns."""
        run_id = self.run[0]
        reasons = [
            (run_id, e.source, e.file, e.shape, fate, reason, count)
            for e in self.entries
            for fate, counts in (("rejected", e.rejected), ("ignored", e.ignored))
            for reason, count in sorted(counts.items())
        ]
        return {
            "runs": [self.run],
            "files": [
                (number, f.source, f.file or f.name, name, f.size_bytes, f.mtime_ns, f.sha256, f.encoding, records) for number, f, name, records in self.files
            ],
            "ledger": [
                (run_id, e.source, e.file, e.shape, e.read, e.loaded, e.merged, sum(e.rejected.values()), sum(e.ignored.values()), e.written)
                for e in self.entries
            ],
            "ledger_reasons": reasons,
            "columns": [(run_id, *column) for column in self.columns],
            "source_checks": [(run_id, *check) for check in self.checks],
            "notices": [(run_id, *notice) for notice in self.notices],
            "coverage": list(self.coverage),
            "omics_file": [astuple(assay) for assay in self.assays],
            "approvals": [astuple(approval) for approval in self.approvals],
        }


def write_books(con: duckdb.DuckDBPyConnection, warehouse: Path, name: str, pages: Pages, raw: Callable[[int], None]) -> dict[str, str]:
    """Write the books of a run, one new file each, and give their paths by table.

    Args:
        con: A connection with the table `reject` (see `collect_rejects`), and `panel_gene` and `gene_map` (see `map_genes`).
        warehouse: The study's warehouse.
        name: What the new files are called.
        pages: What was counted.
        raw: Adds the raw text of one file's rejected records to the table `reject_raw`.
    """
    specs = plait_tables()
    written = {table: _write(warehouse, "books", specs[table], name, rows) for table, rows in pages.tables().items()}
    for (file_id,) in con.execute("SELECT DISTINCT file_id FROM reject ORDER BY file_id").fetchall():
        raw(file_id)
    path = warehouse / "books" / "rejects" / f"{name}.parquet"
    write_parquet(con, sql("plait.etl", "rejects"), path)
    panels = warehouse / "books" / "omics_panel" / f"{name}.parquet"
    write_parquet(con, sql("plait.etl.omics", "omics_panel"), panels)
    return written | {"rejects": str(path.relative_to(warehouse)), "omics_panel": str(panels.relative_to(warehouse))}


def write_study_tables(
    con: duckdb.DuckDBPyConnection, warehouse: Path, name: str, settings: Settings, sources: Sequence[Source], release: Release, row_meta: Sequence[str]
) -> dict[str, list[str]]:
    """Write the CDM tables that describe the study itself: CDM_SOURCE, METADATA, SOURCE_TO_CONCEPT_MAP; name the vocabulary's."""
    specs = cdm_tables()
    today = con.execute("SELECT current_date").fetchone()
    newest = con.execute(
        "SELECT coalesce(max(known_time)::DATE, current_date) FROM read_parquet($files, hive_partitioning = false) WHERE known_time <= now()::TIMESTAMP",
        {"files": [str(warehouse / file) for file in row_meta]},
    ).fetchone()
    assert today is not None and newest is not None  # noqa: S101, PT018 - aggregates give a row
    kinds = ", ".join(sorted({source.rules.description for source in sources}))
    source = (
        settings.study,
        settings.study[:25],
        settings.study,
        f"{len(sources)} sources: {kinds}",
        None,
        f"plait {__version__}",
        newest[0],
        today[0],
        "5.4",
        concept_of("cdm_version", "5.4"),
        release.release or "unknown",
    )
    facts = (
        ("plait version", __version__),
        ("vocabulary release", release.release or "unknown"),
        ("vocabulary digest", release.digest),
        ("time zone", settings.time_zone),
    )
    metadata = [(number, 0, 0, label, value, None, None, None, None) for number, (label, value) in enumerate(facts, 1)]
    written = {
        "cdm_source": [_write(warehouse, "cdm", specs["cdm_source"], name, [source])],
        "metadata": [_write(warehouse, "cdm", specs["metadata"], name, metadata)],
    }
    vocabulary = {
        table: [str((release.folder / f"{table}.parquet").relative_to(warehouse))] for table in release.rows if (release.folder / f"{table}.parquet").is_file()
    }
    written |= vocabulary
    path = warehouse / "cdm" / "source_to_concept_map" / f"{name}.parquet"
    write_parquet(con, "SELECT * EXCLUDE (rank) FROM site_map ORDER BY ALL", path)
    written["source_to_concept_map"] = [*vocabulary.get("source_to_concept_map", []), str(path.relative_to(warehouse))]
    return written


def _write(warehouse: Path, schema: str, spec: TableSpec, name: str, rows: Sequence[tuple[Any, ...]]) -> str:
    """Write rows of a table from Python, typed by the schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [pa.field(field.name, pa.type_for_alias(_ARROW[field.duckdb_type])) for field in spec.fields]
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [() for _ in fields]
    table = pa.table([pa.array(column, field.type) for column, field in zip(columns, fields, strict=True)], schema=pa.schema(fields))
    path = warehouse / schema / spec.name / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
    return str(path.relative_to(warehouse))
