"""How long a run takes in which one patient of 27,000 has changed, beside a full run of the same study.

The files are dbt-synthea's 27 patients, multiplied. A full run computes everybody; then one record is added to one
file, and the next run finds that file anew, the one person whose records differ, and rewrites that person's shard.
Each round changes another patient. The target is a ratio below a tenth.

    python benchmarks/incremental.py --copies 1000 --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from _measure import fresh_study, plait, records_in, scaled_synthea, spend


def add_condition(file: Path, place: float) -> None:
    """Add to a file of conditions the one that stands at `place` (0 to 1) of it, on another day."""
    lines = file.read_text(encoding="utf-8").splitlines()
    _, *fields = lines[max(1, int(place * (len(lines) - 1)))].split(",")
    file.write_text("\n".join([*lines, ",".join(["2019-02-03", *fields])]) + "\n", encoding="utf-8")


def main() -> None:
    """Run the study in full, then once a round with a changed patient, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = scaled_synthea(Path(name) / "data", arguments.copies)
        study = fresh_study(Path(name) / "study", data)
        print(f"{records_in(data):,} records of {27 * arguments.copies:,} patients, {arguments.threads} threads", flush=True)
        run = plait("etl", "run", "-s", study, "--threads", arguments.threads)
        full = spend(*run)
        print(f"full run: {full.wall_s:.1f} s", flush=True)
        changed = []
        for number in range(arguments.rounds):
            add_condition(data / "conditions.csv", (number + 0.5) / arguments.rounds)
            changed.append(spend(*run))
            print(f"one changed patient: {changed[-1].wall_s:.1f} s", flush=True)
        unchanged = spend(*run)
        wall, cpu = (statistics.median(getattr(one, of) for one in changed) / getattr(full, of) for of in ("wall_s", "cpu_s"))
        print(
            f"One changed patient takes {wall:.3f} of a full run (target: below 0.1); in processor time {cpu:.3f}. Nothing changed: {unchanged.wall_s:.2f} s."
        )


if __name__ == "__main__":
    main()
