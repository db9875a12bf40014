"""Work of earlier runs is taken over only where it is what would be done now: each test ends with what a fresh study gives."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import plait
from plait.errors import PlaitError
from tiny_study import FILES, SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.long

NEWCOMER = "{},1940-01-01,,A,B,white,nonhispanic,M\n"
DIAGNOSIS = "2020-06-01,,{},,49727002,Cough\n"


def age(study: Tiny) -> None:
    """Have all files be an hour old, so that their size and time are trusted."""
    hour_ago = time.time_ns() - 3600 * 10**9
    for file in (study.path / "data").rglob("*"):
        os.utime(file, ns=(hour_ago, hour_ago))


def is_as_fresh(study: Tiny, folder: Path) -> bool:
    """Tell whether a study holds what one that is made of its files now would."""
    for name in ("data", "mine"):
        if (study.path / name).exists():
            shutil.copytree(study.path / name, folder / name)
    fresh = Tiny(folder)
    fresh.settings((study.path / "plait.yaml").read_text(encoding="utf-8"))
    fresh.run()
    return plait.open(folder).digest() == plait.open(study.path).digest()


def stop(step: str) -> Callable[[str, int], None]:
    """Give a listener that stops a run where a step begins."""

    def listen(name: str, rows: int) -> None:
        if (name, rows) == (step, 0):
            raise InterruptedError

    return listen


def dry_run(study: Tiny) -> None:
    plait.open(study.path).run_etl(dry_run=True)


def failing_run(study: Tiny) -> None:
    with pytest.raises(InterruptedError):
        plait.open(study.path).run_etl(progress=stop("writing the books"))


def run_whose_version_is_removed(study: Tiny) -> None:
    version = plait.open(study.path).version
    study.run()
    (study.path / "warehouse/versions" / f"{(version.version if version else 0) + 1:06}.json").unlink()


@pytest.mark.parametrize("earlier", [dry_run, failing_run, run_whose_version_is_removed])
@pytest.mark.parametrize("base", ["fresh", "tiny"])
def test_numbers_that_were_never_committed_name_nobody(base: str, earlier: Callable[[Tiny], None], tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A run that does not commit numbers a newcomer; then somebody else comes and gets the number."""
    study: Tiny = request.getfixturevalue(base)
    both = FILES["conditions"] + DIAGNOSIS.format("MRN-4600") + DIAGNOSIS.format("MRN-5000")
    study.write("patients", FILES["patients"] + NEWCOMER.format("MRN-5000"))
    study.write("conditions", both)
    earlier(study)
    study.write("patients", FILES["patients"] + NEWCOMER.format("MRN-4600"))
    study.run()
    assert is_as_fresh(study, tmp_path / "again")


OWN = """\
kind: mine
description: files of our own
person_system: synthea
files:
  people: {needs: [mrn, born]}
  current: {needs: [mrn, day, code]}
  family: {needs: [mrn, day, code]}
  names: {lookup: true, needs: [code, name]}
"""
PERSON = "SELECT _pointer, mrn AS person, born AS birth FROM people"
EVENT = """\
SELECT e._pointer, e.mrn AS person, e.day AS start, e.code, 'SNOMED' AS code_system, n.name AS display, n.name AS source_value, '{}' AS domain
FROM {} AS e LEFT JOIN {} AS n ON e.code = n.code
"""


@pytest.fixture
def own(tmp_path: Path, fresh: Tiny) -> Tiny:
    """Give a study with a source of its own, run once: current conditions, family history, and a look-up of names."""
    folder = fresh.path / "mine"
    folder.mkdir()
    (folder / "source.yaml").write_text(OWN, encoding="utf-8")
    (folder / "people.person.sql").write_text(PERSON, encoding="utf-8")
    (folder / "current.event.sql").write_text(EVENT.format("Condition", "current", "Names"), encoding="utf-8")
    (folder / "family.event.sql").write_text(EVENT.format("Observation", "family", "NAMES"), encoding="utf-8")
    fresh.settings("study: own\nvocabulary: data/athena\nsources:\n  - {name: own, kind: ./mine, path: data/synthea}\n")
    for file in fresh.data.glob("*.csv"):
        file.unlink()
    fresh.write("people", "mrn,born\na,1950-01-01\nb,1960-01-01\n")
    fresh.write("current", "mrn,day,code\na,2020-01-01,unknown-1\nb,2020-01-01,unknown-1\n")
    fresh.write("family", "mrn,day,code\na,2020-01-01,unknown-2\n")
    fresh.write("names", "code,name\nunknown-1,one\nunknown-2,two\n")
    fresh.run()
    del tmp_path
    return fresh


def test_a_record_that_moves_to_a_file_of_the_same_columns_is_another_fact(own: Tiny, tmp_path: Path) -> None:
    own.write("current", "mrn,day,code\na,2020-01-01,unknown-2\nb,2020-01-01,unknown-1\n")
    own.write("family", "mrn,day,code\na,2020-01-01,unknown-1\n")
    own.run()
    assert is_as_fresh(own, tmp_path / "again")


def test_a_lookup_counts_however_its_name_is_spelt(own: Tiny, tmp_path: Path) -> None:
    own.write("names", "code,name\nunknown-1,eins\nunknown-2,zwei\n")
    own.run()
    assert plait.open(own.path).table("observation")["observation_source_value"].to_list() == ["zwei"]
    assert is_as_fresh(own, tmp_path / "again")


def test_a_file_that_is_declared_later_is_read_though_it_has_not_changed(own: Tiny, tmp_path: Path) -> None:
    pl.DataFrame({"mrn": ["b"], "day": ["2021-01-01"], "code": ["unknown-2"]}).write_parquet(own.data / "history.parquet")
    age(own)
    own.run()
    (own.path / "mine/source.yaml").write_text(OWN + "  history: {needs: [mrn, day, code]}\n", encoding="utf-8")
    (own.path / "mine/history.event.sql").write_text(EVENT.format("Observation", "history", "names"), encoding="utf-8")
    own.run()
    assert plait.open(own.path).table("observation").height == 2
    assert is_as_fresh(own, tmp_path / "again")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (SETTINGS.replace("name: ehr", "name: hospital"), "the source has another name"),
        (SETTINGS + "  - {name: second, kind: synthea, path: data/synthea}\n", "two sources read one folder"),
    ],
)
def test_files_are_looked_at_anew_under_other_settings(fresh: Tiny, tmp_path: Path, settings: str, why: str) -> None:
    age(fresh)
    fresh.run()
    fresh.settings(settings)
    fresh.run()
    assert is_as_fresh(fresh, tmp_path / "again"), why


def test_a_mended_header_changes_everybody_in_the_file(fresh: Tiny, tmp_path: Path) -> None:
    fresh.write("conditions", FILES["conditions"].replace("CODE,DESCRIPTION", "DESCRIPTION,CODE"))
    fresh.run()
    fresh.write("conditions", FILES["conditions"])
    fresh.run()
    assert is_as_fresh(fresh, tmp_path / "again")


def test_a_text_that_gets_its_right_name_is_found(fresh: Tiny, tmp_path: Path) -> None:
    notes = fresh.path / "data/notes"
    (notes / "texts").mkdir(parents=True)
    (notes / "notes.csv").write_text("note_id,person,datetime,file\nn1,MRN-4711,2020-01-10T09:00:00,n1.txt\n", encoding="utf-8")
    (notes / "texts/N1.txt").write_text("Well.", encoding="utf-8")
    fresh.settings(SETTINGS + "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n")
    fresh.run()
    assert [reject["reason"] for reject in plait.open(fresh.path).rejects()] == ["missing_file"]
    (notes / "texts/N1.txt").rename(notes / "texts/n1.txt")
    fresh.run()
    assert plait.open(fresh.path).table("note").height == 1
    assert is_as_fresh(fresh, tmp_path / "again")


def test_a_column_that_gets_its_right_name_is_read(fresh: Tiny, tmp_path: Path) -> None:
    notes = fresh.path / "data/notes"
    notes.mkdir()
    (notes / "notes.csv").write_text("note_id,person,datetime,file,body\nn1,MRN-4711,2020-01-10T09:00:00,,Well.\n", encoding="utf-8")
    age(fresh)
    settings = SETTINGS + "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n"
    fresh.settings(settings)
    fresh.run()
    fresh.settings(settings.replace("person_system", "columns: {text: body}, person_system"))
    fresh.run()
    assert plait.open(fresh.path).table("note")["note_text"].to_list() == ["Well."]
    assert is_as_fresh(fresh, tmp_path / "again")


def test_a_vocabulary_that_is_loaded_later_is_used(fresh: Tiny) -> None:
    fresh.settings(SETTINGS.replace("vocabulary: data/athena\n", ""))
    study = plait.open(fresh.path)
    study.load_vocabulary(fresh.path / "data/athena")
    first = study.run_etl()
    concepts = fresh.path / "data/athena/CONCEPT.csv"
    concepts.write_text(concepts.read_text(encoding="utf-8").replace("49727002", "49727003"), encoding="utf-8")
    study.load_vocabulary(fresh.path / "data/athena")
    assert plait.open(fresh.path).vocabulary().folder.name == str(first_vocabulary(study)), "the version says what it was made with"
    assert study.run_etl().changed
    unmapped = study.table("condition_occurrence").filter(pl.col("condition_concept_id") == 0)
    assert unmapped["condition_source_value"].to_list() == ["49727002"]
    assert first.changed


def first_vocabulary(study: plait.Study) -> str:
    """Give the folder of the vocabulary that the version was made with."""
    assert study.version is not None
    return str(study.version.vocabulary).rpartition("/")[2]


@pytest.mark.parametrize("number", ["1e17", "-1e300", "1e999", "nan"])
def test_a_number_larger_than_can_be_stops_nothing(fresh: Tiny, number: str) -> None:
    header = "START,STOP,PATIENT,PAYER,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,PAYER_COVERAGE,DISPENSES,TOTALCOST"
    fresh.write("medications", f"{header}\n2020-01-10T09:00:00Z,,MRN-4711,,V-1,313782,Acetaminophen,1.0,0.0,{number},{number}\n")
    study = fresh.run()
    assert study.table("drug_exposure").height == 1
    reasons: list[Any] = [(reject["shape"], reject["reason"]) for reject in study.rejects()]
    assert ("cost", "invalid_number") in reasons
    assert study.table("drug_exposure")["quantity"].to_list() == [None]


def test_a_link_that_leads_back_is_not_followed_for_ever(fresh: Tiny) -> None:
    (fresh.data / "loop").symlink_to(fresh.data)
    assert fresh.run().table("person").height == 4


def test_a_stray_file_among_versions_is_none(tiny: Tiny) -> None:
    (tiny.path / "warehouse/versions/000001 copy.json").write_text("{}", encoding="utf-8")
    assert plait.open(tiny.path).table("person").height == 4


def test_no_message_of_a_stopped_run_hides_why_it_stopped(tiny: Tiny) -> None:
    tiny.write("conditions", FILES["conditions"].replace("ENCOUNTER,CODE", "ENCOUNTER"))
    with pytest.raises(PlaitError, match="CODE"):
        plait.open(tiny.path).run_etl()
