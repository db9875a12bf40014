"""Another vocabulary release: what `plait vocabulary diff` foretells is what a run with it does."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import plait
from desk_study import add_concepts
from plait.etl.digest import study_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plait.etl.pipeline import RunReport
    from tiny_study import Tiny

pytestmark = pytest.mark.long

ASTHMA, COUGH, DIABETES, ANEMIA = 317009, 254761, 201826, 439777
CODES = {"195967001": ASTHMA, "49727002": COUGH, "44054006": DIABETES, "271737000": ANEMIA}


@pytest.fixture
def new(desk: Tiny) -> Path:
    """A copy of the study's download, to become another release."""
    return shutil.copytree(desk.path / "data" / "athena", desk.path / "data" / "next")


def edit_concept(athena: Path, concept_id: int, **cells: str) -> None:
    """Change a concept of a download."""
    edit(athena / "CONCEPT.csv", lambda row: row | cells if row["concept_id"] == str(concept_id) else row)


def edit(file: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Change each row of a file; none drops it."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    rows = [change(dict(zip(names, line.split("\t"), strict=True))) for line in lines]
    file.write_text("\n".join([header, *("\t".join(row.values()) for row in rows if row is not None)]) + "\n", encoding="utf-8")


def unlink(athena: Path, concept_id: int) -> None:
    """Take all that a concept maps to out of a download."""
    edit(athena / "CONCEPT_RELATIONSHIP.csv", lambda row: None if row["concept_id_1"] == str(concept_id) else row)


def foretold(desk: Tiny, athena: Path) -> dict[str, Any]:
    result = desk.plait("vocabulary", "diff", str(athena), "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def upgrade(desk: Tiny, athena: Path) -> RunReport:
    """Name another release in plait.yaml, and run."""
    settings = (desk.path / "plait.yaml").read_text(encoding="utf-8")
    desk.settings(settings.replace("vocabulary: data/athena", f"vocabulary: {athena}"))
    return plait.open(desk.path).run_etl(threads=2)


def targets(path: Path) -> dict[str, list[int]]:
    """Give the concepts of each code."""
    rows = (
        plait.open(path)
        .connect()
        .execute(
            "SELECT code_system || '|' || code, list(DISTINCT target_concept_id ORDER BY target_concept_id) FILTER (target_concept_id != 0) "
            "FROM plait.study_map GROUP BY ALL"
        )
    )
    return {code: concepts or [] for code, concepts in rows.fetchall()}


def digest(path: Path) -> str:
    version = plait.open(path).version
    assert version is not None
    return study_digest(path, version)["study"]


def tree(path: Path) -> dict[str, int]:
    return {str(file.relative_to(path)): file.stat().st_mtime_ns for file in path.rglob("*") if file.is_file()}


def test_each_kind_of_change_is_told_and_comes_true(desk: Tiny, new: Path) -> None:
    unlink(new, ASTHMA)
    edit_concept(new, ASTHMA, standard_concept="", invalid_reason="D")
    unlink(new, COUGH)
    edit_concept(new, COUGH, standard_concept="", invalid_reason="U")
    add_concepts(new, [(900001, "Finding of cough", "Condition", "SNOMED", "Clinical Finding", "S", "900001")], [(COUGH, 900001, "Maps to")])
    edit_concept(new, DIABETES, domain_id="Observation")
    edit_concept(new, ANEMIA, concept_name="Anaemia")
    add_concepts(new, [(900002, "Asthmatic bronchitis", "Condition", "SNOMED", "Disorder", "S", "00123")], [(900002, 900002, "Maps to")])
    before = tree(desk.path)
    found = foretold(desk, new)
    assert tree(desk.path) == before, "nothing is changed by it"
    told = {change["code"]: change for change in found["changes"]}
    assert {code: change["kind"] for code, change in told.items()} == {
        "195967001": "retired",
        "49727002": "remapped",
        "44054006": "moved",
        "271737000": "renamed",
        "00123": "mapped",
    }
    assert (told["49727002"]["concepts_before"], told["49727002"]["concepts_after"]) == ([COUGH], [900001])
    assert (told["49727002"]["names_before"], told["49727002"]["names_after"]) == (["Cough"], ["Finding of cough"])
    assert (told["44054006"]["tables_before"], told["44054006"]["tables_after"]) == (["condition_occurrence"], ["observation"])
    assert (told["00123"]["rows"], told["00123"]["persons"], told["00123"]["tables_after"]) == (2, 2, ["condition_occurrence"])
    assert {one["kind"]: (one["codes"], one["rows"], one["persons"]) for one in found["sums"]}["retired"] == (1, 1, 1)
    assert found["persons"] == 3, "MRN-4714 has but a new name"
    report = upgrade(desk, new)
    assert (report.remapped, report.shards) == (3, 3)
    con = plait.open(desk.path).connect()
    rows = set(con.execute("SELECT condition_source_value, condition_concept_id FROM cdm.condition_occurrence").fetchall())
    assert {("195967001", 0), ("49727002", 900001), ("271737000", ANEMIA), ("00123", 900002)} <= rows
    assert con.execute("SELECT observation_concept_id FROM cdm.observation WHERE observation_source_value = '44054006'").fetchall() == [(DIABETES,)]
    assert foretold(desk, new)["changes"] == []


def perturb(athena: Path, rng: random.Random) -> None:
    """Make another release of a download, at random."""
    relevant = {*map(str, CODES.values()), "35206882", "8507", "8532", "8527", "9202", "4036803"}

    def of_concept(row: dict[str, str]) -> dict[str, str] | None:
        if row["concept_id"] not in relevant or rng.random() < 0.4:
            return row
        match rng.choice(["drop", "retire", "move", "rename"]):
            case "drop" if row["concept_id"] in set(map(str, CODES.values())):
                return None
            case "retire":
                return row | {"standard_concept": "", "invalid_reason": "D"}
            case "move":
                return row | {"domain_id": rng.choice(["Observation", "Measurement", "Procedure", "Drug"])}
            case _:
                return row | {"concept_name": f"{row['concept_name']} (new)"}

    def of_link(row: dict[str, str]) -> dict[str, str] | None:
        if row["relationship_id"] != "Maps to" or rng.random() < 0.7:
            return row
        return rng.choice([None, row | {"concept_id_2": str(rng.choice([*CODES.values()]))}, row | {"invalid_reason": "D"}])

    edit(athena / "CONCEPT.csv", of_concept)
    edit(athena / "CONCEPT_RELATIONSHIP.csv", of_link)


@pytest.mark.parametrize("seed", [1, 8, 34])
def test_whatever_changes_is_foretold(desk: Tiny, new: Path, tmp_path: Path, seed: int) -> None:
    perturb(new, random.Random(seed))
    before = targets(desk.path)
    found = foretold(desk, new)
    report = upgrade(desk, new)
    assert report.remapped == found["persons"], seed
    after = targets(desk.path)
    told = {f"{change['code_system']}|{change['code']}": change["concepts_after"] for change in found["changes"]}
    assert after == before | told, seed
    assert found["codes"] == len(after)
    shutil.copytree(desk.path, tmp_path / "fresh", ignore=shutil.ignore_patterns("warehouse", "private"))
    plait.open(tmp_path / "fresh").run_etl(threads=1)
    assert digest(desk.path) == digest(tmp_path / "fresh"), seed


def test_other_ingredients_of_a_drug_are_foretold_and_make_other_eras(desk: Tiny, new: Path) -> None:
    drug, first, second = 1539403, 1000560, 1000561
    concepts = [
        (drug, "Drug 10 MG Oral Tablet", "Drug", "RxNorm", "Clinical Drug", "S", "314231"),
        (first, "Drug", "Drug", "RxNorm", "Ingredient", "S", "36567"),
        (second, "Other drug", "Drug", "RxNorm", "Ingredient", "S", "36568"),
    ]
    for athena, ingredient in ((desk.path / "data" / "athena", first), (new, second)):
        add_concepts(athena, concepts, [(one[0], one[0], "Maps to") for one in concepts])
        header = "ancestor_concept_id\tdescendant_concept_id\tmin_levels_of_separation\tmax_levels_of_separation\n"
        (athena / "CONCEPT_ANCESTOR.csv").write_text(f"{header}{ingredient}\t{drug}\t1\t1\n", encoding="utf-8")
    desk.write("medications", "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n2020-02-11,2020-03-01,MRN-4712,V-2,314231,Drug 10 MG Oral Tablet\n")
    desk.run()
    found = foretold(desk, new)
    assert [(change["code"], change["kind"], change["is_recomputed"]) for change in found["changes"]] == [("314231", "ingredients", True)]
    report = upgrade(desk, new)
    assert (report.remapped, found["persons"]) == (1, 1)
    assert plait.open(desk.path).table("drug_era")["drug_concept_id"].to_list() == [second]


def test_a_mapping_of_the_sites_own_that_goes_stale_is_told(desk: Tiny, new: Path) -> None:
    desk.settings((desk.path / "plait.yaml").read_text(encoding="utf-8") + "mappings: [site.csv]\n")
    header = "source_code,source_vocabulary_id,source_code_description,target_concept_id,target_vocabulary_id"
    (desk.path / "site.csv").write_text(f"{header}\n1E5,SNOMED,x,{COUGH},SNOMED\n", encoding="utf-8")
    desk.run()
    edit_concept(new, COUGH, standard_concept="", invalid_reason="U")
    unlink(new, COUGH)
    told = {change["code"]: change for change in foretold(desk, new)["changes"]}
    assert (told["1E5"]["kind"], told["1E5"]["is_recomputed"]) == ("stale_mapping", False)
    assert told["49727002"]["kind"] == "retired"
    assert upgrade(desk, new).remapped == 1


def test_the_table_and_its_filters(desk: Tiny, new: Path) -> None:
    edit_concept(new, ANEMIA, concept_name="Anaemia")
    edit_concept(new, DIABETES, domain_id="Observation")
    result = desk.plait("vocabulary", "diff", str(new), "--limit", "1")
    assert "condition_occurrence → observation" in result.out
    assert "computes 1 person anew" in result.out
    assert "--limit shows more" in result.err
    only = json.loads(desk.plait("vocabulary", "diff", str(new), "--kind", "renamed", "--json").out)
    assert [change["code"] for change in only["changes"]] == ["271737000"]
    assert desk.plait("vocabulary", "diff", str(desk.path / "nowhere")).code != 0


def test_real_releases(shared: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("patients", "encounters", "conditions", "immunizations"):
        (raw / f"{name}.csv").symlink_to(shared / f"data/synthea/tutorial-109/raw/{name}.csv")
    settings = "study: real\nvocabulary: {}\nsources:\n  - {{name: ehr, kind: synthea, path: raw}}\n"
    (tmp_path / "plait.yaml").write_text(settings.format(shared / "data/vocabulary/tutorial-2025"), encoding="utf-8")
    study = plait.open(tmp_path)
    study.run_etl(threads=2)
    before = targets(tmp_path)
    found = study.mappings.release(shared / "data/vocabulary/merged")
    (tmp_path / "plait.yaml").write_text(settings.format(shared / "data/vocabulary/merged"), encoding="utf-8")
    report = plait.open(tmp_path).run_etl(threads=2)
    assert report.remapped == found.persons
    assert found.changes
    told = {f"{change.code_system}|{change.code}": change.concepts_after for change in found.changes}
    assert targets(tmp_path) == before | told
