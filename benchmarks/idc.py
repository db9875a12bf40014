"""How long it takes to refer to every series of TCGA in the Imaging Data Commons: 76,401 of them, in version 25 of its index.

The index is that of the package idc-index-data on PyPI (`pip install idc-index-data`, 79 MB). Nothing is fetched. Target: under a minute.

    python benchmarks/idc.py
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import yaml
from _measure import plait, spend

from plait import open as open_study
from plait.demo.vocabulary import write_vocabulary

WHO = "kind: who\ndescription: persons\nfiles:\n  people: {needs: [id, born]}\n"
PERSON = "-- One row: a person.\nSELECT _pointer, id AS person, born AS birth FROM people\n"


def main() -> None:
    """Run a study of the index's patients, and print what it took."""
    package = find_spec("idc_index_data")
    if package is None or package.origin is None:
        print("This needs the index: pip install idc-index-data")
        return
    index = pl.scan_parquet(Path(package.origin).parent / "idc_index.parquet")
    series = index.filter(pl.col("collection_id").str.starts_with("tcga")).collect()
    with tempfile.TemporaryDirectory() as name:
        study = Path(name)
        series.write_parquet(study / "idc.parquet")
        for part in ("who", "people"):
            (study / part).mkdir()
        (study / "who/source.yaml").write_text(WHO, encoding="utf-8")
        (study / "who/people.person.sql").write_text(PERSON, encoding="utf-8")
        people = "".join(f"{patient},1950-01-01\n" for patient in series["PatientID"].unique().sort())
        (study / "people/people.csv").write_text(f"id,born\n{people}", encoding="utf-8")
        write_vocabulary(study / "athena")
        sources = [
            {"name": "who", "kind": "./who", "path": "people", "person_system": "tcga"},
            {"name": "idc", "kind": "dicom", "path": "idc.parquet", "manifest": "idc.parquet", "person_system": "tcga"},
        ]
        (study / "plait.yaml").write_text(yaml.safe_dump({"study": "idc", "vocabulary": "athena", "sources": sources}), encoding="utf-8")
        spent = spend(*plait("etl", "run", "-q", "-s", study))
        images = open_study(study).table("image_occurrence")
    print(f"{series.height:,} series in the index, {images.height:,} referred to, of {images['person_id'].n_unique():,} patients, in {spent.wall_s:.1f} s")


if __name__ == "__main__":
    main()
