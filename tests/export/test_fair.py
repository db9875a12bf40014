"""`plait export fair`: what the formats' own tools say of it, and what must stop it."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zipfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import duckdb
import polars as pl
import pytest

import plait
from plait.demo import write_demo
from plait.errors import ConfigError, ExportError
from plait.export.fair import duo
from plait.export.fair.aggregates import own_concept
from plait.export.fair.twin import PERSONS, synthetic
from plait.export.scan import scan
from plait.progress import silent
from plait.validators.validate import validate_cdm

if TYPE_CHECKING:
    from collections.abc import Callable

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
    opened = plait.open(folder)
    opened.run_etl()
    opened.embed(["ct"])
    table = opened.get_historical_features(opened.cohort("cancer"), ["variants", "ct"])
    train, test = table.split("patient", test=0.4, seed=3)
    fitted = train.fit(imputer="median")
    for part, name in ((train, "train"), (test, "test")):
        part.apply(fitted).save(folder / "snapshots" / name)
    return folder


@pytest.fixture(scope="module")
def package(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give its package with rows."""
    folder = tmp_path_factory.mktemp("fair") / "package"
    plait.open(study).export_fair(folder, row_level=True, snapshots=["train", "test"])
    return folder


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_croissant_streams_every_table(package: Path) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(package / "croissant.json")
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    assert [dict(record) for record in dataset.records("splits")] == [
        {"splits/name": "train", "splits/url": "cr:TrainingSplit"},
        {"splits/name": "test", "splits/url": "cr:TestSplit"},
    ]
    assert {record["reasons/code"] for record in dataset.records("reasons")} >= {"OBSERVED", "WITHHELD", "UNKNOWN"}
    for record_set in dataset.metadata.record_sets:
        if record_set.data is not None:
            continue
        table = duckdb.sql(f"FROM '{package}/{record_set.fields[0].source.file_object}'")
        first = next(iter(islice(dataset.records(record_set.id), 1)))
        assert [unquote(name.partition("/")[2]) for name in first] == table.columns


def test_croissant_says_who_the_persons_are_and_what_is_missing(package: Path) -> None:
    content = json.loads((package / "croissant.json").read_text(encoding="utf-8"))
    persons = pl.read_parquet(package / "cdm/person.parquet")
    women = persons.filter(pl.col("gender_concept_id") == 8532).height / persons.height
    assert any(f"Female {women:.0%}" in text for text in content["rai:dataBiases"])
    train = pl.read_parquet(package / "snapshots/train.parquet")
    missing = pl.read_csv(package / "aggregates/missing.csv").filter(pl.col("snapshot") == "train")
    rows = {(breakdown, category): count for _, breakdown, category, count in missing.iter_rows()}
    assert rows["all", "rows"] == train.height
    reasons = train["variants.TP53|reason"].value_counts().rows()
    assert {(reason, count) for (view, reason), count in rows.items() if view == "variants"} == set(reasons)
    assert sum(count for (breakdown, _), count in rows.items() if breakdown == "views present") == train.height
    share = rows["ct", "UNKNOWN"] / train.height
    assert f"train, ct: UNKNOWN: there is no record, and nothing says why ({share:.1%} of rows)" in content["rai:dataCollectionMissingData"]
    assert "train: missing values of dense views are filled by 'median'" in content["rai:dataImputationProtocol"]
    assert content["rai:dataUseCases"] == "DUO:0000042: general research use"
    assert "genetic data: variants" in content["rai:personalSensitiveInformation"]
    assert content["conformsTo"][:2] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/1.0"]
    first, last = content["rai:dataCollectionTimeFrame"]
    assert first < last
    assert train["split"].unique().to_list() == ["train"]
    resource = next(one for one in json.loads((package / "datapackage.json").read_text(encoding="utf-8"))["resources"] if one["name"] == "train")
    assert resource["schema"]["primaryKey"] == ["person_id", "prediction_time"]
    field = next(one for one in resource["schema"]["fields"] if one["name"] == "variants.TP53|reason")
    assert "OUT_OF_WINDOW" in field["constraints"]["enum"]


def test_frictionless_finds_no_fault(package: Path) -> None:
    from frictionless import Package

    report = Package(str(package / "datapackage.json")).validate()
    assert report.valid, [error.message for task in report.tasks for error in task.errors][:5]


def test_the_crate_tells_what_was_done(package: Path) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(str(package))
    assert crate.name == "A small study"
    assert crate.root_dataset["license"].id == "https://spdx.org/licenses/CC-BY-4.0"
    steps = [entity for entity in crate.get_entities() if "CreateAction" in entity.type]
    used = [one["name"] for step in steps for one in step.get("object", [])]
    assert {"source ehr", "vocabulary plait demo v1", "encoder first-order 1 of view ct"} <= {*used}
    assert {step["name"] for step in steps} == {"harmonisation", "features", "validation", "de-identification"}
    assert {entity.id for entity in crate.data_entities} >= {"README.md", "checks.json", "cdm/person.parquet"}


@pytest.mark.parametrize("profile", ["ro-crate-1.1", "process-run-crate-0.5"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning", "ignore::ResourceWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_rocrate_validator_finds_no_fault(package: Path, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: the context of RO-Crate, which it asks for all the same, is served from the copy in rocrate."""
    import requests
    import rocrate
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    context = (Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_bytes()

    def serve(url: str, **_: object) -> requests.Response:
        assert url.startswith("https://w3id.org/ro/crate/")
        response = requests.Response()
        response.status_code, response._content, response.url = 200, context, url  # noqa: SLF001 - there is no other way
        response.headers["Content-Type"] = "application/ld+json"
        return response

    monkeypatch.setattr(HttpRequester(), "get", serve, raising=False)
    asked = services.ValidationSettings(rocrate_uri=str(package), profile_identifier=profile, requirement_severity=models.Severity.REQUIRED, offline=True)
    result = services.validate(asked)
    assert result.passed(), [issue.message for issue in result.get_issues()]


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.parametrize("has_rows", [True, False])
def test_the_lines_of_the_readme_do_what_they_say(study: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_rows: bool) -> None:
    if not has_rows:
        plait.open(study).export_fair(tmp_path / "figures")
    monkeypatch.chdir(package if has_rows else tmp_path / "figures")
    readme = Path("README.md").read_text(encoding="utf-8")
    lines = readme.partition("```python\n")[2].partition("```")[0].splitlines()
    assert [line.split()[1].rstrip(";") for line in lines] == ["polars", "duckdb", "pandas", "mlcroissant"]
    seen = []
    for line in lines:
        imported, expression = line.split("; ")
        space: dict[str, object] = {}
        exec(imported, space)  # noqa: S102 - what the README tells its reader to type
        seen.append(eval(expression, space))  # noqa: S307 - as above
    polars, from_duckdb, pandas, record = seen
    assert polars.columns == from_duckdb.columns == list(pandas.columns) == [name.partition("/")[2] for name in record]  # type: ignore[attr-defined, union-attr, call-overload]
    assert "```r\narrow::read_" in readme
    assert "—" not in readme


def test_terms_of_duo_are_known(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns("data", "features"))
    settings = folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("DUO:0000042", "DUO:0000047"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"a term of the Data Use Ontology, got 'DUO:0000047'\. Did you mean DUO:00000\d\d \("):
        plait.open(folder).export_fair(tmp_path / "out")
    assert len(duo.terms()) == 23


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
    there |= {(name, column) for name in ("train", "test") for column in pl.read_parquet_schema(package / f"snapshots/{name}.parquet")}
    figures = {(name, column) for name in ("persons", "missing") for column in pl.read_csv(package / f"aggregates/{name}.csv").columns}
    assert told == there | figures


def test_without_row_level_nothing_of_a_person_is_in_it(study: Path, tmp_path: Path, command: Callable[..., Result]) -> None:
    result = command("export", "fair", tmp_path / "out", "-s", study, "--json")
    assert result.code == 0, result.err
    assert not (tmp_path / "out" / "cdm").exists()
    told = pl.read_csv(tmp_path / "out" / "aggregates/concepts.csv").filter(pl.col("records").is_not_null())
    for file in (tmp_path / "out" / "twin").iterdir():
        concept = own_concept(file.stem)
        if concept is not None and file.stem in told["table_name"]:
            found = set(pl.read_parquet(file)[concept])
            assert found <= {0, *told.filter(pl.col("table_name") == file.stem)["concept_id"]}
    assert pl.read_csv(tmp_path / "out" / "aggregates/persons.csv").columns == ["breakdown", "category", "persons"]


def test_small_cells_are_left_out(demo_study: Path, tmp_path: Path) -> None:
    """Of the demo's 200 patients, some concepts have fewer than 11, and one race is of few."""
    folder = tmp_path / "study"
    shutil.copytree(demo_study, folder, ignore=shutil.ignore_patterns("snapshots", "features"))
    plait.open(folder).export_fair(tmp_path / "out")
    concepts = pl.read_csv(tmp_path / "out/aggregates/concepts.csv")
    assert concepts["persons"].min() >= 11  # type: ignore[operator]
    con = plait.open(folder).connect()
    few = "SELECT condition_concept_id FROM cdm.condition_occurrence GROUP BY 1 HAVING count(DISTINCT person_id) < 11"
    rare = {concept for (concept,) in con.execute(few).fetchall()}
    assert rare
    assert not rare & set(concepts.filter(pl.col("table_name") == "condition_occurrence")["concept_id"])
    assert concepts["persons"].null_count() == concepts["records"].null_count() == 0
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


def test_a_twin_is_a_cdm_of_chance(tmp_path: Path) -> None:
    """Keys hold, dates are in order, and nothing but the concepts that are told decides what is in it."""
    told = {"condition_occurrence": (201826, 317009), "drug_exposure": (1503297,), "measurement": ()}
    made = synthetic(told)
    assert all(frame.equals(synthetic(told)[name]) for name, frame in made.items())
    assert (made["person"].height, made["measurement"].height, made["note"].height) == (PERSONS, 0, 0)
    assert set(made["condition_occurrence"]["condition_concept_id"]) == {201826, 317009}
    for name, frame in made.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    report = validate_cdm(tmp_path, progress=silent)
    failed = {result.check.id for result in report.failed() if result.check.severity == "error"}
    assert not {one for one in failed if "concept" not in one and not one.startswith("cdmTable.")}, "it comes without a vocabulary"
    assert made["drug_exposure"].filter(pl.col("drug_exposure_end_date") < pl.col("drug_exposure_start_date")).is_empty()
