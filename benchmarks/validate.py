"""How fast 2,533 checks of a CDM are made together, beside the same checks one by one as single queries on the same DuckDB in the same run.

The CDM of 1,130 persons (MIT; `shared/oracles/omoplite1130`) is multiplied. Targets: a quarter of the time of single queries on the CDM as it is,
a tenth on twenty of it, linear in rows from there; ten million rows within a memory limit of 1 GiB. `joins_alone` is what finding each row's person
and visit takes of the time of single queries: what no way of making the checks together is spared.

    python benchmarks/validate.py --copies 1 20 --repeat 3
    python benchmarks/validate.py --copies 33 --alone --memory 1GiB
    python benchmarks/validate.py --study demo-study

The last one takes `plait validate` as a user does, without Great Expectations and with it: at most 5 and 15 seconds on the demo study.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from _measure import shared_data

from plait.duck import quoted
from plait.progress import silent
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import open_cdm, parquet_files
from plait.validators.plan import Unanswerable, single_query
from plait.validators.suite import checks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def join_alone(con: duckdb.DuckDBPyConnection) -> None:
    """Find for each row of each table its person and its visit, with their dates, and nothing else: no way of making the checks is spared that."""
    columns = columns_of(con)
    joined = {"person": ("birth_datetime",), "visit_occurrence": ("visit_start_date", "visit_end_date")}
    for table, own in columns.items():
        aggregates, clauses = [], []
        for other, dates in joined.items():
            if other != table and f"{other}_id" in own and other in columns:
                aggregates += [f"max({other}.{date})" for date in dates]
                clauses.append(f"LEFT JOIN cdm.{quoted(other)} AS {other} ON t.{other}_id = {other}.{other}_id")
        if clauses:
            con.execute(f"SELECT {', '.join(aggregates)} FROM cdm.{quoted(table)} AS t {' '.join(clauses)}")


def compare(folder: Path, rows: int, *, alone: bool, memory: str | None, threads: int, repeat: int) -> str:
    """Give a line of the table: the least time of some repetitions, of which those of single queries stand between the others."""
    checks = [check for check in checks_of("5.4") if check.suite == "dqd"]
    together, apart, joins, results, single = [], [], [], [], {}
    with tempfile.TemporaryDirectory() as spill, open_cdm(folder, threads=threads, memory=memory, spill=Path(spill)) as con:
        for _ in range(repeat):
            begin = clocks()
            results = examine_cdm(con, checks, today=TODAY, progress=silent, files=parquet_files(folder))
            together.append(since(begin))
            if len(together) == 1:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            if not alone:
                begin = clocks()
                single = one_by_one(con, checks)
                apart.append(since(begin))
                begin = clocks()
                join_alone(con)
                joins.append(since(begin))
    differing = [r.check.id for r in results if r.check.id in single and (r.violated, r.denominator) != single[r.check.id]]
    assert not differing, differing  # noqa: S101 - a benchmark of wrong numbers says nothing
    cells = [f"{rows:>12,}"]
    for clock, fused in enumerate(zip(*together, strict=True)):
        ones, only = (min((times[clock] for times in of), default=0.0) for of in (apart, joins))
        cells += [f"{min(fused):>10.2f}", f"{ones:>12.2f} {min(fused) / ones:>7.3f} {only / ones:>11.3f}" if ones else " " * 32]
    return " ".join([*cells, f"{peak:>9,.0f}"])


def clocks() -> tuple[float, float]:
    """Give the time of the processor, of all threads, and that of the wall."""
    return time.process_time(), time.perf_counter()


def since(begin: tuple[float, float]) -> tuple[float, float]:
    """Give both times since a moment."""
    now = clocks()
    return now[0] - begin[0], now[1] - begin[1]


def commands(study: Path, repeats: int) -> None:
    """Print what `plait validate` takes on a study, start included, without Great Expectations and with it: the fastest of some."""
    print(f"{'command':<24} {'seconds':>8} {'cpu_s':>8}")
    for option in ("--no-gx", "--gx"):
        taken = []
        for _ in range(repeats):
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run([sys.executable, "-m", "plait", "validate", "-s", study, "-q", option], check=False)  # noqa: S603 - our own
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken.append((time.perf_counter() - begin, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
        print(f"{f'plait validate {option}':<24} {min(taken)[0]:>8.2f} {min(taken)[1]:>8.2f}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--alone", action="store_true", help="leave the single queries out")
    parser.add_argument("--memory", help="DuckDB's memory limit")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="of so many times, the least is told")
    parser.add_argument("--study", type=Path, help="a study to validate instead")
    options = parser.parse_args()
    if options.study:
        commands(options.study, 3)
        return
    columns = " ".join(f"{f'{clock}_s':>10} {'one_by_one_s':>12} {'ratio':>7} {'joins_alone':>11}" for clock in ("processor", "wall"))
    print(f"{'rows':>12} {columns} {'peak_mib':>9}")
    for copies in options.copies:
        with tempfile.TemporaryDirectory() as folder:
            rows = multiplied(Path(folder), copies)
            print(compare(Path(folder), rows, alone=options.alone, memory=options.memory, threads=options.threads, repeat=options.repeat), flush=True)


if __name__ == "__main__":
    main()
