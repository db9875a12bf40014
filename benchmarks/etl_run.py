"""How long `plait etl run` takes beside a bare DuckDB load of the same files.

The files are dbt-synthea's 27 patients, multiplied by `../shared/tools/scale_synthea.py`. Both sides run in turn, in a process of their own, with the
same threads and memory limit. The bare side is `CREATE TABLE … AS SELECT * FROM read_csv(…, all_varchar = true)` for each file into a fresh database
file. plait's side makes a fresh study, its vocabulary loaded beforehand: it stages, maps, harmonizes, and writes books and lineage.
The target is a ratio of at most 3.

    python benchmarks/etl_run.py --copies 100 --threads 2 --memory 4GiB --rounds 3
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from _measure import Spent, fresh_study, plait, records_in, scaled_synthea, spend

_LOAD = """
import sys
from pathlib import Path

import duckdb

source, target, threads, memory = sys.argv[1:]
with duckdb.connect(target, config={"threads": int(threads), "memory_limit": memory}) as con:
    for file in sorted(Path(source).glob("*.csv")):
        con.execute(f'CREATE TABLE "{file.stem}" AS SELECT * FROM read_csv($file, all_varchar = true, header = true)', {"file": str(file)})
"""


def told(name: str, spent: list[Spent], records: int) -> str:
    """Give the medians of one side in words."""
    wall, cpu, peak = (statistics.median(getattr(one, field) for one in spent) for field in ("wall_s", "cpu_s", "peak_mib"))
    return f"{name}: {wall:.2f} s ({cpu:.2f} s of processor time), {records / wall:,.0f} records/s, peak {peak:,.0f} MiB"


def main() -> None:
    """Make the files, time both sides in turn, and print seconds, memory and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4GiB")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = scaled_synthea(folder / "data", arguments.copies)
        records, megabytes = records_in(data), sum(file.stat().st_size for file in data.iterdir()) / 1e6
        print(f"{records:,} records, {megabytes:,.0f} MB, {arguments.threads} threads, {arguments.memory}")
        bare: list[Spent] = []
        ours: list[Spent] = []
        for number in range(1, arguments.rounds + 1):
            study = fresh_study(folder / f"study-{number}", data)
            bare.append(spend(sys.executable, "-c", _LOAD, data, folder / "bare.duckdb", arguments.threads, arguments.memory))
            (folder / "bare.duckdb").unlink()
            ours.append(spend(*plait("etl", "run", "-s", study, "--threads", arguments.threads, "--memory", arguments.memory)))
            shutil.rmtree(study)
            print(f"round {number}: bare {bare[-1].wall_s:.2f} s, plait {ours[-1].wall_s:.2f} s, ratio {ours[-1].wall_s / bare[-1].wall_s:.2f}", flush=True)
        print(told("bare DuckDB load", bare, records))
        print(told("plait etl run", ours, records))
        wall, cpu = (statistics.median(getattr(one, of) for one in ours) / statistics.median(getattr(one, of) for one in bare) for of in ("wall_s", "cpu_s"))
        print(f"plait etl run takes {wall:.2f} times as long as DuckDB takes to load the same files untyped (target: at most 3).")
        print(f"In processor time, which other work on the machine disturbs less, it is {cpu:.2f} times.")
        help_s = statistics.median(spend(*plait("--help")).wall_s for _ in range(10))
        print(f"plait --help takes {help_s:.2f} s, the median of 10 (target: at most 0.3).")


if __name__ == "__main__":
    main()
