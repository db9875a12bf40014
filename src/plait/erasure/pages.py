"""The pages of the books that count: what a version's run said of the records of forgotten persons is said of the rule `forgotten` instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import literal, make_view, parquet, sql
from plait.errors import BooksError
from plait.etl.stage import codes_file
from plait.etl.tombstones import RULE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from plait.erasure.staged import Staged
    from plait.etl.commit import Version

_PACKAGE = "plait.erasure"
_SOUND = 'reject IS NULL AND "ignore" IS NULL'

COUNTING = ("runs", "ledger", "ledger_reasons", "notices")
"""Books with figures of each run."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Where to find what changed in a version.

    Attributes:
        version: The version, as it was.
        staged: Its staged files that others take the place of.
        fates: Its files of `person_fates` that others take the place of: (before, now).
        notices: Likewise those of `person_notices`.
        rejects: Its rejected records.
        persons: How many of the persons it had.
    """

    version: Version
    staged: tuple[Staged, ...]
    fates: tuple[tuple[Path, Path], ...]
    notices: tuple[tuple[Path, Path], ...]
    rejects: tuple[Path, ...]
    persons: int


def find_differences(con: duckdb.DuckDBPyConnection, figures: Figures) -> None:
    """Make `ledger_difference`, `reason_difference` and `notice_difference`: what is to be added to the pages of a version's run.

    Needs `erased_record`.
    """
    con.execute(sql(_PACKAGE, "differences"))
    for entry in figures.staged:
        for sign, path in ((-1, entry.path), (1, entry.now)):
            given = {"sign": sign, "shape": entry.shape, "path": str(path)}
            con.execute(sql(_PACKAGE, "staged_difference").replace("staged_fates", f"({sql('plait.etl', 'staged_fates')})"), given)
            con.execute(sql(_PACKAGE, "unparsed_difference"), {"sign": sign, "path": str(path)})
            if entry.shape == "image":
                flags = sql("plait.etl", "ignored_flags")
                con.execute(sql(_PACKAGE, "flag_difference").replace("ignored_flags", f"({flags})"), {"sign": sign, "path": str(path)})
    _late(con, figures)
    _texts(con, figures)
    for sign, place in ((-1, 0), (1, 1)):
        for kind, files in (("fate", figures.fates), ("notice", figures.notices)):
            if files:
                make_view(con, f"person_{kind}", f"FROM {parquet(*(pair[place] for pair in files))}")
                con.execute(sql(_PACKAGE, f"{kind}_difference"), {"sign": sign})


def _late(con: duckdb.DuckDBPyConnection, figures: Figures) -> None:
    """Count the records that were sound when they were staged, and rejected afterwards."""
    if not figures.rejects:
        return
    pointers = [f"SELECT file_id, record, {literal(one.shape)} AS shape FROM {parquet(one.path)} WHERE {_SOUND}" for one in figures.staged]
    if pointers:
        make_view(con, "sound_pointer", " UNION ".join(pointers))
        make_view(con, "rejected_before", f"FROM {parquet(*figures.rejects)}")
        con.execute(sql(_PACKAGE, "late_difference"))


def _texts(con: duckdb.DuckDBPyConnection, figures: Figures) -> None:
    """Count the files of texts that notes took in, and no note takes in any more."""
    notes = [entry for entry in figures.staged if entry.shape == "note"]
    if not notes:
        return
    files = {(entry["source"], entry["name"]): str(entry["file"] or entry["name"]) for entry in figures.version.inventory if entry["format"] == "text"}
    for source, name in gone_texts(con, notes):
        if (source, name) in files:
            con.execute("INSERT INTO ledger_difference VALUES ($1, $2, 'none', 0, -1, 0)", [source, files[source, name]])
            con.execute("INSERT INTO reason_difference VALUES ($1, $2, 'none', 'ignored', $3, 1)", [source, files[source, name], RULE])


def gone_texts(con: duckdb.DuckDBPyConnection, notes: Iterable[Staged]) -> list[tuple[str, str]]:
    """Give (source, name) of the files with texts that notes took in before, and none does now."""
    columns = f"SELECT DISTINCT source, text_file FROM {{}} WHERE text_file IS NOT NULL AND {_SOUND}"
    paths = [(entry.path, entry.now) for entry in notes]
    before, now = (columns.format(parquet(*(pair[place] for pair in paths))) for place in (0, 1))
    return [(str(source), str(name)) for source, name in con.execute(f"{before} EXCEPT {now} ORDER BY ALL").fetchall()]


def page(con: duckdb.DuckDBPyConnection, table: str, path: Path, figures: Figures) -> str | None:
    """Give the SELECT of a page of a book that counts, as it is to be; None where it tells of other runs."""
    run = figures.version.run_id
    row = con.execute(f"SELECT count(*) FROM {parquet(path)} WHERE run_id = $run", {"run": run}).fetchone()
    if not row or not row[0]:
        return None
    make_view(con, "page", f"FROM {parquet(path)}")
    return sql(_PACKAGE, f"page_{table}").replace("$run", f"{run:d}").replace("$persons", f"{figures.persons:d}")


def check_balance(con: duckdb.DuckDBPyConnection, ledger: Path, run: int) -> None:
    """Fail where a page of the ledger does not say what became of every record.

    Raises:
        BooksError: It does not; nothing was changed.
    """
    rows = con.execute(sql(_PACKAGE, "unbalanced").replace("ledger_page", parquet(ledger)), {"run": run}).fetchall()
    if rows:
        source, file, shape = rows[0]
        raise BooksError(
            f"{source}: {file} as {shape}",
            expected="a fate for each record once a person is forgotten",
            got="another number of fates",
            todo="The version stands as it was. This is a fault in plait: please report it.",
        )


def gone_codes(con: duckdb.DuckDBPyConnection, staged: Iterable[Staged], replaced: Iterable[Staged]) -> int:
    """Make `gone_code` (source, code_system, code) of codes that only the persons' records named, and give their number.

    Args:
        con: A connection.
        staged: All staged files of a version.
        replaced: Those that others take the place of.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE gone_code (source VARCHAR, code_system VARCHAR, code VARCHAR)")
    before = [codes_file(one.path) for one in replaced if codes_file(one.path).is_file()]
    now = [codes_file(one.now) for one in staged if codes_file(one.now).is_file()]
    if not before:
        return 0
    names = "SELECT DISTINCT source, code_system, code"
    kept = f"EXCEPT {names} FROM {parquet(*now)}" if now else ""
    con.execute(f"INSERT INTO gone_code {names} FROM {parquet(*before)} {kept}")
    row = con.execute("SELECT count(*) FROM gone_code").fetchone()
    return int(row[0]) if row else 0
