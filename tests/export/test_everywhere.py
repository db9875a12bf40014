"""One person is the same, and shifted by the same days, in tables, notes, images and assays, and is known by no old name in any of them."""

# ruff: noqa: S608 - tables and columns of the CDM
from __future__ import annotations

import csv
import datetime as dt
import zipfile
from typing import TYPE_CHECKING

import anndata
import duckdb
import h5py
import pydicom
import pytest

import plait
from plait.etl.crosswalk import linked_crosswalk
from plait.export.deidentify.key import ExportKey
from plait.export.scanning.contents import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "everywhere"


@pytest.fixture(scope="module")
def study(few_with: Callable[..., Path]) -> Path:
    """Give a demo of few patients whose notes are scrubbed."""
    return few_with(min_cell=2, notes="scrub")


@pytest.fixture(scope="module")
def package(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a package with all that there is, out of its zip."""
    folder = tmp_path_factory.mktemp("all")
    done = plait.open(study).export_fair(folder / "all.zip", row_level=True, images=True, assays=("all",), key=KEY, zipped=True)
    with zipfile.ZipFile(done.path) as made:
        made.extractall(folder / "all")
    return folder / "all"


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of all that can be read in a package, by readers that know nothing of identifiers."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        yield "names", name
        if path.suffix == ".h5ad":
            with h5py.File(path) as file:
                found: list[tuple[str, str]] = []
                file.visititems(lambda key, item, found=found: found.append((key, str(item[()]) if isinstance(item, h5py.Dataset) else "")))
                yield from ((name, f"{key} {said}") for key, said in found)
        elif path.suffix == ".dcm":
            yield name, str(pydicom.dcmread(path, stop_before_pixels=True))
        else:
            yield from ((name, text) for content in contents(path, name) if content.texts is not None for text in content.texts.cast(str).to_list() if text)


def test_nobody_is_known_by_an_old_name(study: Path, package: Path) -> None:
    opened = plait.open(study)
    secrets = {one for one in linked_crosswalk(study, opened._committed())["identifier"] if len(one) > 5}  # noqa: SLF001 - as the commands do
    with (study / "data/synthea/patients.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            secrets |= {f"{row['FIRST']} {row['LAST']}", row["SSN"], row["DRIVERS"], row["ADDRESS"]}
    with opened.connect() as con:
        secrets |= {uid for row in con.sql("SELECT image_study_uid, image_series_uid FROM cdm.image_occurrence").fetchall() for uid in row if uid}
    secrets -= {"", None}
    assert len(secrets) > 100
    looked_at = 0
    for place, text in texts(package):
        looked_at += 1
        assert not [place for secret in secrets if secret in text], place
    assert looked_at > 1000
    assert {path.suffix for path in package.rglob("*")} >= {".dcm", ".h5ad", ".parquet", ".csv", ".json"}


def test_a_person_is_shifted_alike_everywhere(study: Path, package: Path) -> None:
    con = plait.open(study).connect()
    ExportKey.kept(study, KEY).make_pseudonyms(con, "SELECT person_id FROM cdm.person")
    shifts = dict(con.execute("SELECT new_id, shift_days FROM pseudonym").fetchall())
    assert all(-365 <= days <= -1 for days in shifts.values())
    dated = "SELECT p.new_id, i.image_occurrence_date FROM cdm.image_occurrence AS i JOIN pseudonym AS p USING (person_id)"
    days: dict[int, set[dt.date]] = {}
    for new_id, day in con.execute(dated).fetchall():
        days.setdefault(new_id, set()).add(day + dt.timedelta(days=shifts[new_id]))
    seen = 0
    for row in duckdb.sql(f"SELECT person_id, path FROM '{package}/images.parquet' WHERE path LIKE '%.dcm'").fetchall():
        header = pydicom.dcmread(package / row[1], stop_before_pixels=True)
        assert header.PatientID == str(row[0])
        assert dt.date.fromisoformat(header.StudyDate) in days[row[0]], "a day of the tables, shifted as they are"
        seen += 1
    assert seen > 10
    rows = f"SELECT n.note_text, p.shift_days, o.note_text FROM cdm.note AS n JOIN pseudonym AS p USING (person_id) JOIN '{package}/cdm/note.parquet' AS o "
    for text, shift, left in con.execute(f"{rows} ON o.note_id = (p.new_id << 22) + (n.note_id & 4194303)").fetchall():
        for word in text.split():
            if len(word) == 10 and word[4] == word[7] == "-" and word.replace("-", "").isdigit():
                assert word not in left
                assert str(dt.date.fromisoformat(word) + dt.timedelta(days=shift)) in left


def test_items_of_assays_are_the_rows_of_the_tables(package: Path) -> None:
    there = duckdb.sql(f"SELECT omics_occurrence_id, person_id FROM '{package}/cdm/omics_occurrence.parquet'").fetchall()
    files = list((package / "omics").glob("*.h5ad"))
    for path in files:
        obs = anndata.read_h5ad(path).obs
        assert set(zip(obs["omics_occurrence_id"].tolist(), obs["person_id"].tolist(), strict=True)) <= set(there)
    assert files
