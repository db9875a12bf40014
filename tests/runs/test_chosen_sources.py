"""`plait etl run SOURCE`: the files of one source are looked at, those of the others stand as they were read last."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import plait
from tiny_study import FILES, SETTINGS, Tiny

if TYPE_CHECKING:
    from pathlib import Path

TWO = SETTINGS + "  - {name: more, kind: synthea, path: data/more}\n"
ADDED = "2020-05-01,,MRN-4711,V-1,195967001,Asthma\n"


@pytest.fixture
def two(fresh: Tiny) -> Tiny:
    """Give a study of two sources that tell of the same persons, run once."""
    more = fresh.path / "data" / "more"
    more.mkdir()
    (more / "patients.csv").write_text(FILES["patients"], encoding="utf-8")
    for stem in ("encounters", "conditions"):
        (more / f"{stem}.csv").write_text(FILES[stem].splitlines(keepends=True)[0], encoding="utf-8")
    fresh.settings(TWO)
    fresh.run()
    return fresh


def append(file: Path, line: str) -> None:
    """Add a record to a file."""
    file.write_text(file.read_text(encoding="utf-8") + line, encoding="utf-8")


def conditions(study: Tiny) -> int:
    """Give the number of conditions in the newest version."""
    (number,) = plait.open(study.path).connect().execute("SELECT count(*) FROM cdm.condition_occurrence").fetchone() or (0,)
    return int(number)


def test_only_the_chosen_source_is_read(two: Tiny) -> None:
    before = conditions(two)
    append(two.file("conditions"), ADDED)
    append(two.path / "data" / "more" / "conditions.csv", ADDED.replace("2020-05-01", "2020-06-01"))
    report = plait.open(two.path).run_etl(sources=["more"], threads=2)
    assert (report.changed, conditions(two)) == (True, before + 1)
    assert not two.plait("etl", "run", "more", "-q").code
    assert two.versions()[-1].startswith("000002"), "nothing of it has changed"
    report = plait.open(two.path).run_etl(threads=2)
    assert (report.changed, conditions(two)) == (True, before + 2)


def test_in_turn_they_make_what_one_run_makes(two: Tiny, tmp_path: Path) -> None:
    append(two.file("conditions"), ADDED)
    append(two.path / "data" / "more" / "conditions.csv", ADDED.replace("2020-05-01", "2020-06-01"))
    other = tmp_path / "other"
    shutil.copytree(two.path, other)
    for source in ("more", "ehr"):
        plait.open(two.path).run_etl(sources=[source], threads=2)
    plait.open(other).run_etl(threads=2)
    assert plait.open(two.path).digest() == plait.open(other).digest()


def test_files_of_others_need_not_be_there(two: Tiny) -> None:
    before = conditions(two)
    shutil.rmtree(two.data)
    append(two.path / "data" / "more" / "conditions.csv", ADDED)
    done = two.plait("etl", "run", "more")
    assert not done.code, done.err
    assert conditions(two) == before + 1
    assert two.plait("etl", "run").code == 2, "all sources are asked for, and one is gone"


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["mor"], TWO, "Did you mean 'more'?"),
        (["more"], TWO + "time_zone: Europe/Vienna\n", "settings and rules of the last version"),
    ],
)
def test_what_cannot_be_done_is_told(two: Tiny, arguments: list[str], settings: str, told: str) -> None:
    two.settings(settings)
    done = two.plait("etl", "run", *arguments)
    assert done.code == 2
    assert told in done.err
    assert len(two.versions()) == 1


def test_a_study_that_was_never_run_is_run_whole_first(fresh: Tiny) -> None:
    done = fresh.plait("etl", "run", "ehr")
    assert done.code == 2
    assert "nothing that was loaded yet" in done.err
