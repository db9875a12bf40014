"""`plait export fair`: what the formats' own tools say of it, and what must stop it."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zipfile
from itertools import islice
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

import plait
from plait.demo import write_demo
from plait.errors import ExportError
from plait.export.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shell import Result

POLICY = """
policy:
  min_cell: 1
  title: A small study
  license: CC-BY-4.0
  duo: [DUO:0000042]
  creators: [The example hospital]
  contact: data@example.org
  withhold: [note]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a demo of few patients with a policy, of which any cell may be told."""
    folder = tmp_path_factory.mktemp("small") / "study"
    write_demo(folder, persons=20, with_faults=False)
    with (folder / "plait.yaml").open("a", encoding="utf-8") as settings:
        settings.write(POLICY)
    plait.open(folder).run_etl()
    return folder


@pytest.fixture(scope="module")
def package(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give its package with rows."""
    folder = tmp_path_factory.mktemp("fair") / "package"
    plait.open(study).export_fair(folder, row_level=True)
    return folder


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_croissant_streams_every_table(package: Path) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(package / "croissant.json")
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    for record_set in dataset.metadata.record_sets:
        table = duckdb.sql(f"FROM '{package}/{record_set.fields[0].source.file_object}'")
        first = next(iter(islice(dataset.records(record_set.id), 1)))
        assert [name.partition("/")[2] for name in first] == table.columns


def test_frictionless_finds_no_fault(package: Path) -> None:
    from frictionless import Package

    report = Package(str(package / "datapackage.json")).validate()
    assert report.valid, [error.message for task in report.tasks for error in task.errors][:5]


def test_the_crate_tells_what_was_done(package: Path) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(str(package))
    assert crate.name == "A small study"
    assert crate.root_dataset["license"].id == "https://spdx.org/licenses/CC-BY-4.0"
    steps = [entity for entity in crate.get_entities() if entity.type == "CreateAction"]
    assert {step["name"] for step in steps} == {"harmonisation", "validation", "de-identification"}
    assert {entity.id for entity in crate.data_entities} >= {"README.md", "checks.json", "cdm/person.parquet"}


def test_public_tools_open_it(package: Path) -> None:
    persons = pl.read_parquet(package / "cdm/person.parquet")
    assert duckdb.sql(f"FROM '{package}/cdm/person.parquet'").fetchall() == persons.rows()
    assert "polars.read_parquet" in (package / "README.md").read_text(encoding="utf-8")
    assert not (package / "cdm/note.parquet").exists()


def test_hashes_are_those_of_the_files(package: Path) -> None:
    lines = (package / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    for digest, name in (line.split("  ") for line in lines):
        assert hashlib.sha256((package / name).read_bytes()).hexdigest() == digest
    assert len(lines) == sum(path.is_file() for path in package.rglob("*")) - 1
    content = json.loads((package / "croissant.json").read_text(encoding="utf-8"))
    assert {file["sha256"] for file in content["distribution"]} <= {line.split("  ")[0] for line in lines}


def test_dictionary_has_every_column(package: Path) -> None:
    with (package / "dictionary.csv").open(encoding="utf-8") as stream:
        told = {(row["table"], row["column"]) for row in csv.DictReader(stream)}
    there = {(file.stem, column) for file in (package / "cdm").iterdir() for column in pl.read_parquet_schema(file)}
    assert told == there | {("persons", column) for column in ("breakdown", "category", "persons")}


def test_without_row_level_nothing_of_a_person_is_in_it(study: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("export", "fair", tmp_path / "out", "-s", study, "--json")
    assert result.code == 0, result.err
    assert not (tmp_path / "out" / "cdm").exists()
    assert {pl.read_parquet(file).height for file in (tmp_path / "out" / "twin").iterdir()} == {0}
    assert pl.read_csv(tmp_path / "out" / "aggregates/persons.csv").columns == ["breakdown", "category", "persons"]


def test_small_cells_are_left_out(demo_study: Path, tmp_path: Path) -> None:
    """Of the demo's 200 patients, some concepts have fewer than 11, and one race is of few."""
    folder = tmp_path / "study"
    shutil.copytree(demo_study, folder, ignore=shutil.ignore_patterns("snapshots", "features"))
    plait.open(folder).export_fair(tmp_path / "out")
    concepts = pl.read_csv(tmp_path / "out/aggregates/concepts.csv")
    assert concepts["persons"].min() >= 11  # type: ignore[operator]
    con = plait.open(folder).connect()
    few = "SELECT count(*) FROM (SELECT condition_concept_id FROM cdm.condition_occurrence GROUP BY 1 HAVING count(DISTINCT person_id) < 11)"
    of_conditions = concepts.filter(pl.col("table_name") == "condition_occurrence")
    (least,) = con.execute(few).fetchone() or (0,)
    assert of_conditions["persons"].null_count() >= least > 0
    for _, group in pl.read_csv(tmp_path / "out/aggregates/persons.csv").group_by("breakdown"):
        assert group["persons"].null_count() != 1
    assert "person_id" not in (tmp_path / "out/aggregates/concepts.csv").read_text(encoding="utf-8").splitlines()[0]


def test_zip(study: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("export", "fair", tmp_path / "out.zip", "-s", study, "--zip", "-q")
    assert result.code == 0, result.err
    assert [path.name for path in tmp_path.iterdir()] == ["out.zip"]
    with zipfile.ZipFile(tmp_path / "out.zip") as made:
        assert "croissant.json" in made.namelist()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("notes.csv", 'id,text\n1,"call 617-555-0199 today"\n', "telephone"),
        ("notes.csv", "id,Jane Roe 4711\n1,x\n", "knows"),
        ("MRN-0042-Z.txt", "nothing", "knows"),
        ("notes.md", "write to jane@example.net", "e-mail"),
        ("data.csv", "id,who\n1,mrn-0042-z\n", "knows"),
        ("data.csv", "id,patient\n1,47110815\n", "knows"),
        ("data.csv", "id,ssn\n1,123-45-6789\n", "social security"),
    ],
)
def test_what_identifies_is_found_and_not_told(tmp_path: Path, name: str, content: str, kind: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    hits = scan(tmp_path, ["MRN-0042-Z", "Jane Roe 4711", "47110815"])
    assert [kind in hit.kind for hit in hits].count(True) >= 1
    told = " ".join(f"{hit.place} {hit.kind}" for hit in hits)
    assert "555-0199" not in told
    assert "47110815" not in told


def test_an_identifier_in_a_column_stops_the_export(study: Path, tmp_path: Path) -> None:
    """A source value that is the patient's own number, and that as many persons have as the smallest cell, which is one here."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    conditions = folder / "data/synthea/conditions.csv"
    text = conditions.read_text(encoding="utf-8").splitlines()
    header = text[0].split(",")
    first = text[1].split(",")
    first[header.index("CODE")] = first[header.index("PATIENT")]
    conditions.write_text("\n".join([text[0], ",".join(first), *text[1:]]) + "\n", encoding="utf-8")
    plait.open(folder).run_etl()
    with pytest.raises(ExportError, match=r"identifier that the study knows in cdm/condition_occurrence.parquet, column condition_source_value"):
        plait.open(folder).export_fair(tmp_path / "out", row_level=True)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]
