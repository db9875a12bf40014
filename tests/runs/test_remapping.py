"""A code comes to mean something else: the persons whose rows name it are computed anew, and nobody else."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

import plait
from plait.etl.digest import study_digest
from tiny_study import SETTINGS, Tiny, write_tiny

if TYPE_CHECKING:
    from pathlib import Path

    from plait.etl.pipeline import RunReport

pytestmark = pytest.mark.long

ASTHMA, COUGH, DIABETES = "195967001", 254761, 201826
HEADER = "source_code,source_vocabulary_id,source_code_description,target_concept_id,target_vocabulary_id\n"


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """Four persons in shards of two: asthma is the second one's alone."""
    study = write_tiny(tmp_path / "study")
    study.settings(SETTINGS + "shard_persons: 2\nmappings: [site.csv]\n")
    (study.path / "site.csv").write_text(HEADER, encoding="utf-8")
    study.run()
    return study


def run(tiny: Tiny, **options: bool) -> RunReport:
    return plait.open(tiny.path).run_etl(threads=2, **options)


def files(tiny: Tiny) -> dict[str, str]:
    """Give the file of CONDITION_OCCURRENCE of each shard."""
    version = plait.open(tiny.path).version
    assert version is not None
    return {shard: schemas["cdm"]["condition_occurrence"] for shard, schemas in version.shards.items()}


def conditions(tiny: Tiny) -> dict[str, int]:
    rows = plait.open(tiny.path).connect().execute("SELECT condition_source_value, condition_concept_id FROM cdm.condition_occurrence").fetchall()
    return dict(rows)


def digest(path: Path) -> str:
    version = plait.open(path).version
    assert version is not None
    return study_digest(path, version)["study"]


def fresh_digest(tiny: Tiny, folder: Path) -> str:
    """Give the digest of a study of the same files that was never run before."""
    shutil.copytree(tiny.path, folder, ignore=shutil.ignore_patterns("warehouse", "private"))
    plait.open(folder).run_etl(threads=1)
    return digest(folder)


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_mapping_recomputes_only_whose_codes_it_names(tiny: Tiny, tmp_path: Path) -> None:
    before = files(tiny)
    (tiny.path / "site.csv").write_text(f"{HEADER}{ASTHMA},SNOMED,asthma,{COUGH},SNOMED\n", encoding="utf-8")
    report = run(tiny)
    after = files(tiny)
    assert (report.remapped, report.shards) == (1, 1)
    assert [shard for shard in before if before[shard] != after[shard]] == ["1"]
    assert conditions(tiny)[ASTHMA] == COUGH
    assert digest(tiny.path) == fresh_digest(tiny, tmp_path / "fresh")


def test_a_mapping_of_a_code_that_nobody_has_recomputes_nobody(tiny: Tiny) -> None:
    before = files(tiny)
    (tiny.path / "site.csv").write_text(f"{HEADER}nowhere,SNOMED,nothing,{COUGH},SNOMED\n", encoding="utf-8")
    report = run(tiny)
    assert report.changed
    assert (report.remapped, report.shards) == (0, 0)
    assert files(tiny) == before
    assert "nowhere" in plait.open(tiny.path).table("source_to_concept_map")["source_code"], "the mapping itself is new"


def test_a_release_recomputes_only_whose_concepts_it_changes(tiny: Tiny, tmp_path: Path) -> None:
    before = files(tiny)
    athena = tiny.path / "data" / "athena"
    concepts = athena / "CONCEPT.csv"
    line = next(line for line in concepts.read_text(encoding="utf-8").splitlines() if line.split("\t")[6] == "44054006")
    fields = line.split("\t")
    edit(concepts, line, "\t".join([*fields[:2], "Observation", *fields[3:]]))
    report = run(tiny)
    assert (report.remapped, report.shards) == (1, 1)
    assert [shard for shard, file in files(tiny).items() if before[shard] != file] == ["0"]
    assert "44054006" not in conditions(tiny), "it is an observation now"
    assert digest(tiny.path) == fresh_digest(tiny, tmp_path / "fresh")


def test_a_run_that_was_stopped_is_not_taken_over_under_another_mapping(tiny: Tiny) -> None:
    (tiny.path / "site.csv").write_text(f"{HEADER}{ASTHMA},SNOMED,asthma,{COUGH},SNOMED\n", encoding="utf-8")
    foretold = run(tiny, dry_run=True)
    assert foretold.remapped == 1
    (tiny.path / "site.csv").write_text(f"{HEADER}{ASTHMA},SNOMED,asthma,{DIABETES},SNOMED\n", encoding="utf-8")
    run(tiny)
    assert conditions(tiny)[ASTHMA] == DIABETES


@pytest.mark.parametrize("seed", [5, 77])
def test_any_series_of_mappings_gives_what_a_fresh_run_gives(tiny: Tiny, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    codes, targets = ["44054006", ASTHMA, "49727002", "271737000", "M", "F", "white", "ambulatory"], [COUGH, DIABETES, 0, 8507, 9202]
    systems = {"M": "SYNTHEA_GENDER", "F": "SYNTHEA_GENDER", "white": "SYNTHEA_RACE", "ambulatory": "SYNTHEA_ENCOUNTERCLASS"}
    for night in range(3):
        lines = [f"{code},{systems.get(code, 'SNOMED')},x,{rng.choice(targets)},SNOMED\n" for code in rng.sample(codes, 3)]
        (tiny.path / "site.csv").write_text(HEADER + "".join(lines), encoding="utf-8")
        run(tiny)
        assert digest(tiny.path) == fresh_digest(tiny, tmp_path / f"fresh-{night}"), lines
