"""How much memory a package takes that is larger than it: images by the gigabyte, one file after another.

Patients have series of files with pixels of chance. Target: the most memory that `plait export fair` holds does not follow from the package's size: the
second package is of a tenth of the files, and takes as much.

    python benchmarks/export_size.py --gigabytes 10
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import yaml
from _measure import plait, spend
from images import PERSON, WHO, write_slices
from pydicom import dcmread

from plait.demo.vocabulary import write_vocabulary

SIDE = 4096
"""Rows and columns of a file: 32 MiB of pixels."""


def enlarge(folder: Path) -> int:
    """Give each file pixels of chance, and give the bytes of all."""
    chance = np.random.default_rng(1)
    for path in sorted(folder.rglob("*.dcm")):
        file = dcmread(path)
        file.Rows = file.Columns = SIDE
        file.PixelData = chance.bytes(2 * SIDE * SIDE)
        file["PixelData"].VR = "OW"
        file.save_as(path, enforce_file_format=True)
    return sum(path.stat().st_size for path in folder.rglob("*.dcm"))


def write_study(folder: Path, files: int) -> Path:
    """Write a study of so many files, a series of ten for each patient, run it, and give it."""
    study = folder / f"study-{files}"
    (study / "sources" / "who").mkdir(parents=True)
    (study / "data").mkdir()
    (study / "sources" / "who" / "source.yaml").write_text(WHO, encoding="utf-8")
    (study / "sources" / "who" / "people.person.sql").write_text(PERSON, encoding="utf-8")
    persons = "".join(f"P{number},1960-01-01\n" for number in range(-(-files // 10)))
    (study / "data" / "people.csv").write_text(f"id,born\n{persons}", encoding="utf-8")
    write_slices(study / "ct", files)
    write_vocabulary(study / "athena")
    sources = [
        {"name": "who", "kind": "./sources/who", "path": "data", "person_system": "hospital"},
        {"name": "ct", "kind": "dicom", "path": "ct", "person_system": "hospital"},
    ]
    rules = [{"checks": "*", "severity": "warning"}]
    settings = {"study": "large", "vocabulary": "athena", "sources": sources, "validation": {"rules": rules}}
    (study / "plait.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return study


def main() -> None:
    """Write both packages, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the larger package")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="a disk with room for three times as much")
    arguments = parser.parse_args()
    most = max(10, round(arguments.gigabytes * 1e9 / (2 * SIDE * SIDE)))
    peaks = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        for files in (most, max(1, most // 10)):
            study = write_study(Path(place), files)
            size = enlarge(study / "ct")
            spend(*plait("run", "-s", study, "-q"))
            package = Path(place) / f"package-{files}"
            spent = spend(*plait("export", "fair", package, "-s", study, "--row-level", "--images", "--memory", "1GiB", "-q"))
            written = sum(path.stat().st_size for path in package.rglob("*") if path.is_file())
            peaks.append(spent.peak_mib)
            print(
                f"{files:,} files, {size / 1e9:.2f} GB, to {written / 1e9:.2f} GB: {spent.wall_s:.1f} s, {size / 1e6 / spent.wall_s:.0f} MB/s, "
                f"{spent.cpu_s:.1f} s of {os.cpu_count()} cores, {spent.peak_mib:.0f} MiB"
            )
    print(f"Ten times the files took {peaks[0] / peaks[1]:.2f} times the memory.")


if __name__ == "__main__":
    main()
