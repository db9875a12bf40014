"""How long it takes to forget one person of many, beside a full run of the same study, and how much of the study is written anew for it.

The files are Synthea's 109 patients of `tutorial-109`, multiplied. The study is run, the CDM's shards rewritten once by a changed delivery so that there
are two versions, and then one person is forgotten. A second one follows, with the same study.

    python benchmarks/forget.py --copies 20
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _measure import fresh_study, plait, records_in, shared_data, spend
from incremental import add_condition


def files_of(study: Path) -> dict[Path, int]:
    """Give the files of a study, its vocabulary aside, and their bytes."""
    return {path: path.stat().st_size for path in study.rglob("*") if path.is_file() and "vocabulary" not in path.parts}


def main() -> None:
    """Run the study, forget two persons, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    shared = shared_data()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        spend(sys.executable, shared / "tools" / "scale_synthea.py", shared / "data" / "synthea" / "tutorial-109" / "raw", data, arguments.copies)
        study = fresh_study(Path(name) / "study", data)
        run = plait("etl", "run", "-s", study, "--threads", arguments.threads)
        full = spend(*run)
        print(f"{records_in(data):,} records of {109 * arguments.copies:,} patients; full run: {full.wall_s:.1f} s, {full.cpu_s:.1f} s of CPU", flush=True)
        add_condition(data / "conditions.csv", 0.5)
        spend(*run)
        for person in (7, 54 * arguments.copies):
            before = files_of(study)
            spent = spend(*plait("forget", person, "-s", study, "--yes"))
            after = files_of(study)
            new = sum(size for path, size in after.items() if path not in before)
            print(
                f"one person forgotten: {spent.wall_s:.1f} s, {spent.cpu_s:.1f} s of CPU, {spent.peak_mib:.0f} MiB; "
                f"{new / sum(after.values()):.0%} of {sum(after.values()) >> 20:,} MiB written anew",
                flush=True,
            )
        looked = spend(*plait("forget", 7, "-s", study, "--yes"))
        print(f"looked through once more: {looked.wall_s:.1f} s", flush=True)
        unchanged = json.loads(subprocess.run([str(part) for part in (*run, "--json")], check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own
        print(f"a run finds something changed: {unchanged['changed']}", flush=True)


if __name__ == "__main__":
    main()
