"""What benchmarks share: the time and memory that a process takes, and studies of multiplied Synthea files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = """\
study: benchmark
vocabulary: {vocabulary}
sources:
  - {{name: ehr, kind: synthea, path: {data}}}
"""


@dataclass(frozen=True)
class Spent:
    """What a process took: wall time and processor time in seconds, and the most memory it held, in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def spend(*command: object) -> Spent:
    """Run a command and give what it took; its output is kept, and shown if it fails."""
    with tempfile.TemporaryFile("w+") as output:
        begin = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output)  # noqa: S603 - our own commands
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            sys.exit(f"{command[0]} failed:\n{output.read()}")
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def plait(*arguments: object) -> tuple[object, ...]:
    """Give a `plait` command of this interpreter."""
    return (sys.executable, "-m", "plait", *arguments)


def records_in(folder: Path) -> int:
    """Count the lines of all files but their headers; Synthea writes one record a line."""
    total = 0
    for file in folder.glob("*.csv"):
        with file.open("rb") as handle:
            total += sum(1 for _ in handle) - 1
    return total


def shared_data() -> Path:
    """Give the folder with the data that the benchmarks multiply, or end."""
    shared = Path(os.environ.get("PLAIT_SHARED", Path(__file__).parents[2] / "shared")).resolve()
    if not shared.is_dir():
        sys.exit("No ../shared with the data: name it in PLAIT_SHARED.")
    return shared


def scaled_synthea(folder: Path, copies: int) -> Path:
    """Write dbt-synthea's 27 patients so many times into a new folder."""
    shared = shared_data()
    spend(sys.executable, shared / "tools" / "scale_synthea.py", shared / "data" / "synthea" / "dbt-27" / "raw", folder, copies)
    return folder


def fresh_study(folder: Path, data: Path) -> Path:
    """Write a study of Synthea files and load its vocabulary."""
    vocabulary = shared_data() / "data" / "vocabulary" / "merged"
    folder.mkdir()
    (folder / "plait.yaml").write_text(_SETTINGS.format(vocabulary=vocabulary, data=data), encoding="utf-8")
    spend(*plait("vocabulary", "load", "-s", folder))
    return folder
