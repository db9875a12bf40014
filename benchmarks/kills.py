"""Kills runs at random moments, night after night, and counts what was lost: nothing, or it ends with an error.

A study of made-up patients gets a delivery every night: records are added, removed, repeated and moved. Its run is
killed at a random moment; some end before, and one does after nine kills in a row. The version that stands is always
the last one or the new one, its digest what it was, and in the end it is that of a fresh study on the same files.

    python benchmarks/kills.py --kills 200 --seed 1
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import plait as command

import plait
from plait.demo import write_demo

_SETTINGS = "study: k\nvocabulary: data/athena\nshard_persons: {}\nsources:\n  - {{name: ehr, kind: synthea, path: data/synthea}}\n"
_IN_A_ROW = 9
"""After so many kills in a row a run may end, so that nights are committed, too, and the length of a run is known under the machine's load."""
_FILES = ("conditions", "encounters", "medications", "patients")


def deliver(folder: Path, rng: random.Random) -> None:
    """Change one file as a night does."""
    file = folder / f"{rng.choice(_FILES)}.csv"
    with file.open(encoding="utf-8", newline="") as text:
        header, *records = csv.reader(line.replace("\0", "") for line in text)
    place = rng.randrange(len(records))
    match rng.choice(["add", "remove", "repeat", "move"]):
        case "add":
            records.append([f"20{rng.randrange(10, 20)}-01-01", *records[place][1:]])
        case "remove":
            records.pop(place)
        case "repeat":
            records.insert(rng.randrange(len(records)), records[place])
        case _:
            rng.shuffle(records)
    with file.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([header, *records])


def run_for(study: Path, seconds: float) -> float | None:
    """Run a study, kill it after so many seconds, and give how long it took if it ended by itself."""
    begin = time.perf_counter()
    with subprocess.Popen([str(part) for part in command("run", "-q", "-s", study)]) as process:  # noqa: S603 - our own command
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    if process.returncode:
        sys.exit(f"a run failed with exit code {process.returncode}")
    return time.perf_counter() - begin


def state(study: Path) -> tuple[int, str]:
    """Give the number of the version that stands, and its digest."""
    opened = plait.open(study)
    return (opened.version.version, opened.digest()["study"]) if opened.version else (0, "")


def main() -> None:
    """Kill so many runs, compare with a fresh study, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)  # noqa: S311 - seeded on purpose
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study"
        write_demo(study, persons=20)
        (study / "plait.yaml").write_text(_SETTINGS.format(7), encoding="utf-8")
        run_for(study, 3600)
        deliver(study / "data/synthea", rng)
        longest = run_for(study, 3600) or 0.0
        kills = committed = in_a_row = 0
        before = state(study)
        while kills < arguments.kills:
            deliver(study / "data/synthea", rng)
            ended = run_for(study, rng.uniform(0, longest) if in_a_row < _IN_A_ROW else 3600)
            in_a_row = 0 if ended is not None else in_a_row + 1
            longest = max(ended or 0.0, longest)
            after = state(study)
            if after[0] not in {before[0], before[0] + 1} or (after[0] == before[0] and after[1] != before[1]):
                sys.exit(f"seed {arguments.seed}, kill {kills}: version {before[0]} became {after[0]}, or its digest changed")
            kills += ended is None
            committed += after[0] > before[0]
            before = after
        run_for(study, 3600)
        fresh = Path(name) / "fresh"
        shutil.copytree(study / "data", fresh / "data")
        (fresh / "plait.yaml").write_text(_SETTINGS.format(1000), encoding="utf-8")
        run_for(fresh, 3600)
        if state(fresh)[1] != state(study)[1]:
            sys.exit(f"seed {arguments.seed}: after {kills} kills the digest is not that of a fresh study")
        print(f"{kills} runs killed at random moments, {committed} versions committed meanwhile: nothing lost, and the digest of a fresh study.")


if __name__ == "__main__":
    main()
