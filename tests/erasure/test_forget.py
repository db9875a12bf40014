"""Persons who are forgotten: nothing of them is left in any version, the books balance, and a reload does not bring them back."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plait
from plait.erasure.forget import STEPS, Forgotten
from plait.errors import StudyError
from plait.etl.gc import collect_garbage
from shell import environment
from tiny_study import FILES, SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable

HER = "MRN-4712"
MORE = "2020-06-01,,MRN-4712,V-2,49727002,Cough\n2020-06-02,,MRN-4714,V-4,44054006,Type 2 diabetes mellitus\n"
OF_SHARES = ["plait.ledger", "plait.ledger_reasons", "plait.notices", "plait.study_map", "plait.rejects", "cdm.location"]


def without(text: str, *persons: str) -> str:
    """Give a file without the lines of some persons."""
    return "".join(line for line in text.splitlines(keepends=True) if not any(person in line for person in persons))


def number(study: Path) -> int:
    """Give the number of the version that stands."""
    version = plait.open(study).version
    assert version is not None
    return version.version


def check_balanced(study: Path) -> None:
    """Fail where the books of a version do not say what became of every record."""
    for path in sorted((study / "warehouse" / "versions").glob("*.json")):
        version = plait.open(study, version=int(path.stem))
        ledger = version.table("plait.ledger").filter(pl.col("run_id") == version.version.run_id)
        assert ledger.filter(pl.col("read") != pl.sum_horizontal("loaded", "merged", "rejected", "ignored")).is_empty()
        reasons = version.table("plait.ledger_reasons").filter(pl.col("run_id") == version.version.run_id)
        assert reasons["records"].sum() == ledger["rejected"].sum() + ledger["ignored"].sum()
        assert version.table("plait.lineage").height == version.table("plait.lineage").unique(["table_name", "row_id", "file_id", "record", "shape"]).height


def copy(tiny: Tiny, folder: Path) -> Tiny:
    """Give a copy of a study, whose source files have the times that they had."""
    shutil.copytree(tiny.path, folder)
    return Tiny(folder)


@pytest.fixture(scope="module")
def two(make_tiny: Callable[[], Tiny]) -> Tiny:
    """Give a small study of two versions in two shards; not to be changed."""
    study = make_tiny()
    study.settings(SETTINGS + "shard_persons: 2\n")
    study.write(
        "patients", FILES["patients"].replace("GENDER\n", "GENDER,ADDRESS,CITY\n").replace(",M\n", ",M,1 Elm,Town\n").replace(",F\n", ",F,2 Oak,Town\n")
    )
    study.run()
    study.write("conditions", FILES["conditions"] + MORE + f"not a date,,{HER},V-2,49727002,Cough\n2020-01-01,,too,many,fields,{HER},V-2,4,5,6\n")
    study.run()
    return study


@pytest.fixture(scope="module")
def rid(two: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Forgotten]:
    """Give that study once a person was forgotten, and what was done; not to be changed."""
    study = copy(two, tmp_path_factory.mktemp("rid") / "study")
    return study, plait.open(study.path).forget(f"synthea={HER}")[0]


def test_nothing_is_left_in_any_version(rid: tuple[Tiny, Forgotten]) -> None:
    study, done = rid
    assert done.is_proved
    assert done.left == []
    assert done.scanned > 100
    assert [(version.version, version.persons) for version in done.versions] == [(1, 1), (2, 1)]
    assert {(held.source, Path(held.path).name, held.records) for held in done.sources} == {
        ("ehr", "patients.csv", 1),
        ("ehr", "encounters.csv", 1),
        ("ehr", "conditions.csv", 3),
    }
    for path in study.path.rglob("*"):
        if path.is_file() and "data" not in path.relative_to(study.path).parts and path.suffix != ".parquet":
            assert HER.encode() not in path.read_bytes(), path
    check_balanced(study.path)
    for version in (1, 2):
        opened = plait.open(study.path, version=version)
        assert opened.table("person")["person_id"].to_list() == [1, 3, 4]
        assert opened.version.forgotten[0]["persons"] == 1
        assert not [row for row in opened.rejects() if HER in str(row)]
    assert json.loads((study.path / "private" / "forgotten.json").read_text())["persons"][0]["person_id"] == 2
    assert not (study.path / "private" / "forgetting.json").exists()


def test_it_is_as_if_she_had_never_been_there(rid: tuple[Tiny, Forgotten], two: Tiny, make_tiny: Callable[[], Tiny], tmp_path: Path) -> None:
    study = copy(rid[0], tmp_path / "study")
    before = plait.open(study.path)
    digest, shares = before.digest(), {name: before.table(name) for name in OF_SHARES}

    assert not plait.open(study.path).run_etl(threads=2).changed
    report = plait.open(study.path)
    report.run_etl(threads=2, full=True)
    after = plait.open(study.path)
    assert after.digest() == digest
    for name in OF_SHARES:
        now = after.table(name)
        then = shares[name]
        if "run_id" in now.columns:
            then, now = then.filter(pl.col("run_id") == 2).drop("run_id"), now.filter(pl.col("run_id") == 3).drop("run_id")
        assert now.sort(now.columns).equals(then.sort(then.columns)), name

    never = make_tiny()
    never.settings(SETTINGS + "shard_persons: 2\n")
    for stem in FILES:
        never.write(stem, without(two.file(stem).read_text(), HER))
    assert never.run().digest() == digest


@pytest.mark.long
def test_what_is_staged_is_what_a_run_would_stage(rid: tuple[Tiny, Forgotten], tmp_path: Path) -> None:
    study = copy(rid[0], tmp_path / "study")
    before = plait.open(study.path)
    digest = before.digest()
    for path in (study.path / "warehouse" / "staged").rglob("*.json"):
        if ".checks." not in path.name:
            path.unlink()
    before.run_etl(threads=2, full=True)
    assert plait.open(study.path).digest() == digest


def test_a_reload_does_not_bring_her_back(rid: tuple[Tiny, Forgotten], tmp_path: Path) -> None:
    study = copy(rid[0], tmp_path / "study")
    study.write("conditions", FILES["conditions"] + MORE + f"2021-01-01,,{HER},V-2,195967001,Asthma\n")
    study.write("patients", study.file("patients").read_text().replace("Perpetua", "Petra"))
    opened = study.run()
    assert opened.table("person")["person_id"].to_list() == [1, 3, 4]
    assert {row["reason"] for row in opened.status()["reasons"] if row["file"] == "patients" and row["shape"] == "person"} == {"forgotten"}
    named, numbered = study.plait("forget", f"synthea={HER}", "--yes"), study.plait("forget", "2", "--yes")
    assert (named.code, numbered.code) == (0, 0)
    assert ("Only numbers" in named.out, "Only numbers" in numbered.out) == (False, True)


@pytest.mark.long
def test_her_number_is_given_to_nobody(two: Tiny, tmp_path: Path) -> None:
    study = copy(two, tmp_path / "study")
    assert plait.open(study.path).forget(4)[0].is_proved
    study.write("patients", study.file("patients").read_text() + "MRN-4715,1990-01-01,,New,Comer,white,nonhispanic,F,2 Oak,Town\n")
    assert study.run().table("person").select("person_id", "person_source_value").rows() == [(1, "MRN-4711"), (2, HER), (3, "MRN-4713"), (5, "MRN-4715")]


@pytest.mark.long
def test_all_of_a_shard_and_then_one_more(two: Tiny, tmp_path: Path) -> None:
    study = copy(two, tmp_path / "study")
    opened = plait.open(study.path)
    assert opened.forget(1, f"synthea={HER}", 3)[0].is_proved
    digest = plait.open(study.path).digest()
    assert plait.open(study.path).table("person").height == 1
    again = plait.open(study.path).forget(f"synthea={HER}")[0]
    assert again.again
    assert again.is_proved
    assert plait.open(study.path).digest() == digest
    last = plait.open(study.path).forget(4)[0]
    assert last.is_proved
    assert plait.open(study.path).table("person").is_empty()
    assert len(plait.open(study.path).version.forgotten) == 2
    check_balanced(study.path)
    digest = plait.open(study.path).digest()
    plait.open(study.path).run_etl(threads=2, full=True)
    assert plait.open(study.path).digest() == digest


def test_who_is_not_known_is_not_named(two: Tiny, tmp_path: Path) -> None:
    study = copy(two, tmp_path / "study")
    before = sorted(path for path in study.path.rglob("*"))
    for name in ("synthea=MRN-9999", "99", "hospital=MRN-4712"):
        result = study.plait("forget", name, "--yes")
        assert (result.code, "MRN" in result.err, "number 1" in result.err) == (1, False, True)
    for name in ("MRN-4712", "Perpetua"):
        result = study.plait("forget", name, "--yes")
        assert (result.code, name in result.err) == (2, False)
    assert study.plait("forget", "2").code == 2
    assert study.plait("forget").code == 2
    assert sorted(path for path in study.path.rglob("*")) == before


def test_a_dry_run_changes_nothing(two: Tiny, tmp_path: Path) -> None:
    study = copy(two, tmp_path / "study")
    before = {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file() and path.name != ".lock"}
    result = study.plait("forget", "2", "--dry-run", "--json")
    told = json.loads(result.out)[0]
    assert result.code == 0
    assert told["dry_run"]
    assert told["left"]
    assert "MRN" not in result.out
    assert {path: path.read_bytes() for path in study.path.rglob("*") if path.is_file() and path.name != ".lock"} == before


def test_a_list_of_persons_comes_from_a_file(two: Tiny, tmp_path: Path) -> None:
    study = copy(two, tmp_path / "study")
    names = tmp_path / "names.txt"
    names.write_text(f"# who asked\nsynthea={HER}\n\n3\n", encoding="utf-8")
    result = study.plait("forget", "--file", str(names), "--yes")
    assert (result.code, "Forgotten: 2 persons" in result.out, HER in result.out) == (0, True, False)
    assert plait.open(study.path).table("person")["person_id"].to_list() == [1, 4]


def test_what_is_left_is_found(rid: tuple[Tiny, Forgotten], tmp_path: Path) -> None:
    study = copy(rid[0], tmp_path / "study")
    pl.DataFrame({"person_id": [2], "note": [f"saw {HER}, again"]}).write_parquet(study.path / "warehouse" / "kept.parquet")
    (study.path / "logs").mkdir()
    (study.path / "logs" / f"{HER}.txt").write_text("x", encoding="utf-8")
    (study.path / "snapshots").mkdir()
    (study.path / "snapshots" / "list.json").write_text(json.dumps({"persons": [1, 2]}), encoding="utf-8")
    result = study.plait("forget", f"synthea={HER}", "--yes", "--json")
    found = {(left["place"], left["kind"]) for left in json.loads(result.out)[0]["left"]}
    assert result.code == 1
    assert found == {
        ("warehouse/kept.parquet, column person_id", "the number of a person"),
        ("warehouse/kept.parquet, column note", "an identifier"),
        (f"logs/{HER}.txt", "an identifier in the name of a file"),
        ("snapshots/list.json", "the number of a person"),
    }


@pytest.mark.long
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(chosen=st.sets(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3))
def test_whoever_goes_the_rest_is_as_if_they_had_never_been_there(two: Tiny, tmp_path_factory: pytest.TempPathFactory, chosen: set[int]) -> None:
    study = copy(two, tmp_path_factory.mktemp("some") / "study")
    assert plait.open(study.path).forget(*chosen)[0].is_proved
    check_balanced(study.path)
    digest = plait.open(study.path).digest()
    for stem in FILES:
        study.write(stem, without(study.file(stem).read_text(), *(f"MRN-471{number}" for number in chosen)))
    shutil.rmtree(study.path / "warehouse")
    shutil.rmtree(study.path / "private")
    assert study.run().digest() == digest


class Stopped(BaseException):
    """What stops a forgetting here."""


@pytest.mark.parametrize("step", [step if step == "rewriting versions" else pytest.param(step, marks=pytest.mark.long) for step in STEPS])
def test_wherever_it_is_stopped_it_is_ended_later(two: Tiny, rid: tuple[Tiny, Forgotten], tmp_path: Path, step: str) -> None:
    study = copy(two, tmp_path / "study")

    def stop(name: str, rows: int) -> None:
        if name == step and rows != 1:
            raise Stopped

    with pytest.raises(Stopped):
        plait.open(study.path).forget(f"synthea={HER}", progress=stop)
    for version in (1, 2):
        assert plait.open(study.path, version=version).table("person").height in {3, 4}
    if step != "done":
        with pytest.raises(StudyError, match="half forgotten"):
            study.run()
        (ended,) = plait.open(study.path).forget()
        assert ended.is_proved
    assert not (study.path / "private" / "forgetting.json").exists()
    assert plait.open(study.path).digest() == plait.open(rid[0].path).digest()
    check_balanced(study.path)
    assert not plait.open(study.path).run_etl(threads=2).changed


KILL_AT = """
import os, signal, sys
import plait

heard = 0

def listen(name, rows):
    global heard
    heard += 1
    if heard > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    plait.open(sys.argv[1]).forget("synthea=MRN-4712", progress=listen)
"""


@pytest.mark.long
@pytest.mark.parametrize("reports", range(14))
def test_killed_for_good_it_is_ended_later(two: Tiny, rid: tuple[Tiny, Forgotten], tmp_path: Path, reports: int) -> None:
    study = copy(two, tmp_path / "study")
    done = subprocess.run([sys.executable, "-c", KILL_AT, str(study.path), str(reports)], check=False, env=environment())
    assert done.returncode == -signal.SIGKILL
    assert plait.open(study.path).table("person").height in {3, 4}
    if (study.path / "private" / "forgetting.json").exists():
        assert plait.open(study.path).forget()[0].is_proved
    elif plait.open(study.path).table("person").height == 4:
        assert plait.open(study.path).forget(2)[0].is_proved
    assert plait.open(study.path).digest() == plait.open(rid[0].path).digest()


def test_a_file_that_is_called_as_she_is_is_named_by_nothing_but_the_version_that_reads_it(make_tiny: Callable[[], Tiny]) -> None:
    study = make_tiny()
    notes = study.path / "data" / "notes"
    (notes / "texts").mkdir(parents=True)
    header, rows = "note_id,person,datetime,file\n", [f"N{n},MRN-471{n},2020-02-15T10:00:00Z,texts/MRN-471{n}_a.txt\n" for n in (1, 2)]
    for n in (1, 2):
        (notes / "texts" / f"MRN-471{n}_a.txt").write_text("A cough.\n", encoding="utf-8")
    (notes / "notes.csv").write_text(header + "".join(rows), encoding="utf-8")
    study.settings(SETTINGS + "  - {name: letters, kind: notes, path: data/notes, person_system: synthea}\n")
    study.run()
    (notes / "notes.csv").write_text(header + "".join(reversed(rows)), encoding="utf-8")
    study.run()
    done = plait.open(study.path).forget(f"synthea={HER}")[0]
    assert (done.is_proved, named(study, HER), named(study, "MRN-4711")) == (True, {"000002.json"}, {"000001.json", "000002.json", "files"})
    assert not plait.open(study.path).run_etl(threads=2).changed

    (notes / "notes.csv").write_text(header + rows[0], encoding="utf-8")
    study.run()
    assert named(study, HER) == {"000002.json", "000003.json"}
    (notes / "texts" / f"{HER}_a.txt").unlink()
    study.run()
    assert named(study, HER) == {"000002.json", "000003.json"}
    again = plait.open(study.path).forget(f"synthea={HER}")[0]
    assert (again.is_proved, named(study, HER)) == (True, set())


def named(study: Tiny, text: str) -> set[str]:
    """Give the versions and the books of source files in which a text stands."""
    warehouse = study.path / "warehouse"
    found = {path.name for path in (warehouse / "versions").iterdir() if text in path.read_text(encoding="utf-8")}
    pages = [path for path in (warehouse / "books" / "files").iterdir() if any(text in name for name in pl.read_parquet(path)["path"])]
    return found | {path.parent.name for path in pages}


def test_old_versions_are_collected_and_tombstones_are_not(rid: tuple[Tiny, Forgotten], tmp_path: Path) -> None:
    study = copy(rid[0], tmp_path / "study")
    key = study.path / "private" / "exports" / "mine.key"
    key.parent.mkdir()
    key.write_text("00" * 32, encoding="ascii")
    collected = collect_garbage(study.path, now=time.time() + 1e6)
    assert (collected.versions, key.is_file()) == ((1,), True)
    assert plait.open(study.path).forget(f"synthea={HER}")[0].is_proved


def test_nobody_but_the_owner_reads_tombstones(rid: tuple[Tiny, Forgotten]) -> None:
    file = rid[0].path / "private" / "forgotten.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert HER not in file.read_text(encoding="utf-8")
