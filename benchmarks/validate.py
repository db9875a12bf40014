"""How fast 2,533 checks of a CDM are made together, beside the same checks one by one as single queries on the same DuckDB in the same run.

The CDM of 1,130 persons (MIT; `shared/oracles/omoplite1130`) is multiplied. Targets: a quarter of the time of single queries on the CDM as it is,
a tenth on twenty of it, linear in rows from there; ten million rows within a memory limit of 1 GiB.

    python benchmarks/validate.py --copies 1 20
    python benchmarks/validate.py --copies 40 --alone --memory 1GiB
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from _measure import shared_data

from plait.duck import quoted
from plait.etl.run import silent
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import open_cdm
from plait.validators.plan import Unanswerable, single_query
from plait.validators.suite import checks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.validators.judge import Result
    from plait.validators.suite import Check

TODAY = dt.date(2026, 11, 23)
STEP = 1_000_000
"""Between the ids of one copy and those of the next; those of the CDM are below it."""


def multiplied(folder: Path, copies: int) -> int:
    """Write so many copies of the CDM, with persons and rows of their own, and give the number of rows."""
    rows = 0
    with duckdb.connect() as con:
        for file in sorted((shared_data() / "oracles" / "omoplite1130" / "cdm").glob("*.parquet")):
            columns = [row[0] for row in con.execute(f"DESCRIBE FROM '{file}'").fetchall()]
            ids = [column for column in columns if column.endswith("_id") and not column.endswith("concept_id") and file.stem != "concept"]
            shifted = ", ".join(f"{column} + n * {STEP} AS {column}" for column in ids)
            replaced = f"REPLACE ({shifted})" if shifted else ""
            times = 1 if file.stem == "concept" else copies
            query = f"SELECT * EXCLUDE (n) {replaced} FROM '{file}', range({times}) AS copy (n) ORDER BY n"
            written = con.execute(f"COPY ({query}) TO '{folder / file.name}' (FORMAT parquet, COMPRESSION zstd)").fetchone()
            rows += written[0] if written else 0
    return rows


def one_by_one(con: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> dict[str, tuple[int, int]]:
    """Make each check that the CDM can answer as a query of its own."""
    columns, found = columns_of(con), {}
    for check in checks:
        if check.type.name in {"cdmTable", "cdmField"}:
            if check.table in columns and (not check.field or check.field in columns[check.table]):
                counted = quoted(check.field) if check.field else "*"
                con.execute(f"SELECT count({counted}) FROM cdm.{quoted(check.table)}")
            continue
        try:
            query = single_query(check, columns, TODAY)
        except Unanswerable:
            continue
        violated, denominator = con.execute(query).fetchone() or (0, 0)
        found[check.id] = (violated, denominator)
    return found


def compare(folder: Path, rows: int, *, alone: bool, memory: str | None, threads: int) -> str:
    """Give a line of the table."""
    checks = [check for check in checks_of("5.4") if check.suite == "dqd"]
    with tempfile.TemporaryDirectory() as spill, open_cdm(folder, threads=threads, memory=memory, spill=Path(spill)) as con:
        begin = time.perf_counter()
        results: list[Result] = examine_cdm(con, checks, today=TODAY, progress=silent)
        together = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if alone:
            return f"{rows:>12,} {together:>10.2f} {'':>12} {'':>7} {peak:>9,.0f}"
        begin = time.perf_counter()
        single = one_by_one(con, checks)
        apart = time.perf_counter() - begin
        differing = [r.check.id for r in results if r.check.id in single and (r.violated, r.denominator) != single[r.check.id]]
        assert not differing, differing  # noqa: S101 - a benchmark of wrong numbers says nothing
        return f"{rows:>12,} {together:>10.2f} {apart:>12.2f} {together / apart:>7.3f} {peak:>9,.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--alone", action="store_true", help="leave the single queries out")
    parser.add_argument("--memory", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(f"{'rows':>12} {'together_s':>10} {'one_by_one_s':>12} {'ratio':>7} {'peak_mib':>9}")
    for copies in options.copies:
        with tempfile.TemporaryDirectory() as folder:
            rows = multiplied(Path(folder), copies)
            print(compare(Path(folder), rows, alone=options.alone, memory=options.memory, threads=options.threads), flush=True)


if __name__ == "__main__":
    main()
