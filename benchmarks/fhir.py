"""How fast a bulk export of FHIR is loaded, end to end: `python benchmarks/fhir.py [--copies 1 10] [--files 1] [--folder DIR]`.

SMART's export of 13 patients is multiplied: each copy has ids of its own. `--files` cuts each type into as many files.
"""

from __future__ import annotations

import argparse
import gzip
import re
import tempfile
from pathlib import Path

from _measure import plait, shared_data, spend

_UUID = re.compile(rb"\b[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def multiplied(source: Path, folder: Path, copies: int, files: int) -> tuple[int, int]:
    """Write a folder of `copies` times the patients and give its bytes and its resources."""
    size = resources = 0
    for path in sorted(source.glob("*.ndjson*")):
        if path.name.startswith("log"):
            continue
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = [line for copy in range(copies) for line in _UUID.sub(lambda found, copy=copy: _other(found, copy), text).splitlines(keepends=True)]
        for number in range(files):
            part = b"".join(lines[number::files])
            (folder / f"{path.name.partition('.')[0]}.{number:03}.ndjson").write_bytes(part)
            size += len(part)
        resources += len(lines)
    return size, resources


def _other(found: re.Match[bytes], copy: int) -> bytes:
    """Give the first part of a UUID as it is in a copy."""
    return b"%08x" % ((int(found[0], 16) + copy * 7919) % 2**32)


def main() -> None:
    """Make each folder, load it, and print sizes, times and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work, a temporary folder if left out")
    arguments = parser.parse_args()
    data = shared_data() / "data"
    print(f"{'copies':>6} {'files':>5} {'MB':>8} {'resources':>10} {'wall s':>8} {'cpu s':>8} {'MB/s':>6} {'MB/cpu s':>8} {'res/s':>8} {'peak MiB':>8}")
    for copies in arguments.copies:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            study = Path(name)
            (study / "data").mkdir()
            size, resources = multiplied(data / "fhir" / "smart-bulk-13", study / "data", copies, arguments.files)
            settings = (
                f"study: benchmark\nvocabulary: {data / 'vocabulary' / 'merged'}\nsources:\n  - {{name: ehr, kind: fhir, path: data, person_system: smart}}\n"
            )
            (study / "plait.yaml").write_text(settings, encoding="utf-8")
            spend(*plait("vocabulary", "load", data / "vocabulary" / "merged", "-s", study))
            spent = spend(*plait("etl", "run", "-s", study, "-q"))
            speed = f"{size / 1e6 / spent.wall_s:>6.1f} {size / 1e6 / spent.cpu_s:>8.1f} {resources / spent.wall_s:>8,.0f}"
            print(
                f"{copies:>6} {arguments.files:>5} {size / 1e6:>8.1f} {resources:>10,} {spent.wall_s:>8.1f} {spent.cpu_s:>8.1f} {speed} {spent.peak_mib:>8,.0f}"
            )


if __name__ == "__main__":
    main()
