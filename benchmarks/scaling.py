"""What ten times the input takes: in time, and in memory under a limit.

The files are dbt-synthea's 27 patients, multiplied by 40 and by 400; both runs have the same threads and memory limit. The targets are a ratio of at
most 11 in time, and at most 2 GiB at the peak under a limit of 1 GiB. The largest file is larger than the limit of the last run.

    python benchmarks/scaling.py --copies 40
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from _measure import fresh_study, plait, records_in, scaled_synthea, spend


def main() -> None:
    """Run both sizes, and the large one with half the memory, and print ratio and peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, many = (scaled_synthea(folder / f"data-{times}", times * arguments.copies) for times in (1, 10))
        taken = []
        for number, (data, memory) in enumerate(((few, "1GiB"), (many, "1GiB"), (many, "512MiB"))):
            study = fresh_study(folder / f"study-{number}", data)
            taken.append(spend(*plait("etl", "run", "-s", study, "--threads", arguments.threads, "--memory", memory)))
            largest = max(file.stat().st_size for file in data.iterdir()) / 2**20
            print(
                f"{records_in(data):,} records, largest file {largest:,.0f} MiB, limit {memory}: {taken[-1].wall_s:.1f} s, peak {taken[-1].peak_mib:,.0f} MiB",
                flush=True,
            )
            shutil.rmtree(study)
        print(
            f"Ten times the input takes {taken[1].wall_s / taken[0].wall_s:.1f} times as long (target: at most 11), in processor time "
            f"{taken[1].cpu_s / taken[0].cpu_s:.1f} times; peak {taken[1].peak_mib:,.0f} MiB under a limit of 1 GiB (target: at most 2,048)."
        )


if __name__ == "__main__":
    main()
