"""What a run enters into its books: the fate of every record, and the files that make up every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait import __version__
from plait.etl import books
from plait.etl.columns import column_fates
from plait.etl.forgotten import blank_raw
from plait.etl.ledger import Ledger
from plait.etl.sources.raw import count_unread, insert_raw_records, load_raw
from plait.etl.stage import StagedFile, rows_of
from plait.etl.tombstones import RULE
from plait.etl.vocabulary import read_release
from plait.etl.vocabulary.approvals import read_approvals

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from plait.etl.harmonize.shard import ShardResult
    from plait.etl.omics.assays import AssayFile
    from plait.etl.run import Run
    from plait.etl.source_checks.judging import Found


def balance(run: Run, staged: Sequence[StagedFile], results: Sequence[ShardResult]) -> Ledger:
    """Enter every record's fate, and fail where one has none."""
    ledger = Ledger()
    for file in staged:
        ledger.add_staged(file)
    _enter_unread(run, ledger, staged)
    ledger.add_fates(books.sum_fates(run.con, run.warehouse, results))
    books.collect_rejects(run.con, run.warehouse, staged, results)
    ledger.add_rejects(books.late_rejects(run.con))
    ledger.check()
    return ledger


def _enter_unread(run: Run, ledger: Ledger, staged: Sequence[StagedFile]) -> None:
    """Enter the files that no SELECT reads: look-ups, texts that notes took in or left, and unused ones."""
    notes = rows_of(staged, "note")
    taken = (
        set(
            run.con.execute(
                "SELECT DISTINCT source || '/' || text_file FROM read_parquet($paths, hive_partitioning = false) WHERE text_file IS NOT NULL", {"paths": notes}
            ).fetchall()
        )
        if notes
        else set()
    )
    for file_id, file in run.files:
        source = run.source(file.source)
        if file.file is not None and source.selects_of(file.file):
            continue
        declared = source.rules.files[file.file] if file.file is not None else None
        rule = "unused_file" if declared is None else declared.unread or ("look_up" if declared.lookup else "no_select")
        run.records[file_id] = 1 if file.format == "text" else count_unread(run.con, file, source)
        if file.format == "text" and (f"{file.source}/{file.name}",) in taken:
            ledger.add_merged(file, run.records[file_id])
        elif file.format == "text":
            ledger.add_unread(file, run.records[file_id], RULE if run.tombstones.is_text(file.source, file.name) else "not_in_manifest")
        else:
            ledger.add_unread(file, run.records[file_id], rule)


def table_files(
    run: Run,
    ledger: Ledger,
    results: Sequence[ShardResult],
    notices: Sequence[books.Notice],
    version: tuple[int, int, Sequence[AssayFile], Sequence[Found]],
    now: dt.datetime,
) -> dict[str, dict[str, list[str]]]:
    """Write what is not sharded, and give the files of every table by schema.

    `version` is its number, its persons, its assays, and what the checks of its sources found.
    """
    tables: dict[str, dict[str, list[str]]] = {
        "cdm": {},
        "books": {table: [f"books/{table}/{run.name}.parquet"] for table in ("person_digests", "code_digests", "study_map")},
    }
    for result in sorted(results, key=lambda result: result.number):
        for schema, files in result.files.items():
            for table, path in files.items():
                tables[schema].setdefault(table, []).append(path)
    release = read_release(run.warehouse / str(run.vocabulary))
    pages = books.Pages(
        run=(run.run_id, run.started_at, now, __version__, run.fingerprint, release.release, *version[:2], "committed"),
        files=[(file_id, file, run.tombstones.without(file.name), run.records.get(file_id, 0)) for file_id, file in run.files],
        entries=ledger.entries(),
        columns=[fate for source in run.sources for fate in column_fates(run.con, source, [file for _, file in run.files if file.source == source.name])],
        notices=notices,
        coverage=[(source.name, c.domain, c.start, c.end) for source in run.sources for c in source.rules.coverage],
        assays=version[2],
        checks=[tuple(found.as_row().values()) for found in version[3]],
        approvals=read_approvals(run.study),
    )
    earlier = run.before.tables["books"] if run.before else {}
    for table, path in books.write_books(run.con, run.warehouse, run.name, pages, lambda file_id: _raw(run, file_id)).items():
        tables["books"][table] = [*(earlier.get(table, []) if table in books.HISTORY else []), path]
    tables["cdm"] |= books.write_study_tables(run.con, run.warehouse, run.name, run.settings, run.sources, release, tables["books"]["row_meta"])
    return tables


def _raw(run: Run, file_id: int) -> None:
    """Read a file again for the raw text of its rejected records."""
    file = next(file for known, file in run.files if known == file_id)
    source = run.source(file.source)
    load_raw(run.con, file, source, table="rejected", spill=run.spill)
    insert_raw_records(run.con, "rejected", file, file_id)
    blank_raw(run.con, run.tombstones, source.system, file_id)
