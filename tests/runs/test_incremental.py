"""A nightly job: files come, change and go, and the study is the one that a fresh run would make."""

from __future__ import annotations

import csv
import random
import shutil
import time
from typing import TYPE_CHECKING

import pytest

import plait
from plait.demo import write_demo
from plait.errors import StudyError
from plait.etl.digest import study_digest
from plait.etl.gc import SPARED_SECONDS, collect_garbage
from tiny_study import FILES, Tiny
from tiny_study import SETTINGS as TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = dict[str, list[list[str]]]
SETTINGS = "study: v\nvocabulary: data/athena\nshard_persons: {}\nsources:\n  - {{name: ehr, kind: synthea, path: data/synthea}}\n"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw files of 22 patients, the longest ones cut."""
    folder = tmp_path_factory.mktemp("cohort")
    write_demo(folder, persons=22)
    for name, longest in (("observations", 1200), ("claims_transactions", 600), ("claims", 300)):
        file = folder / f"data/synthea/{name}.csv"
        file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:longest]), encoding="utf-8")
    return folder / "data"


def read_rows(cohort: Path) -> Rows:
    """Read all files of a cohort as fields."""
    rows = {}
    for file in sorted((cohort / "synthea").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            rows[file.stem] = list(csv.reader(line.replace("\0", "") for line in handle))
    return rows


def write_rows(folder: Path, rows: Rows, rng: random.Random) -> None:
    """Write files of records, some of them in two parts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (header, *records) in rows.items():
        cut = rng.randrange(len(records)) if len(records) > 3 and rng.random() < 0.3 else 0
        for part, chosen in enumerate([records[:cut], records[cut:]] if cut else [records]):
            with (folder / (f"{name}_{part}.csv" if cut else f"{name}.csv")).open("w", encoding="utf-8", newline="") as handle:
                csv.writer(handle).writerows([header, *chosen])


def changed(rows: Rows, rng: random.Random) -> Rows:
    """Give the next delivery: records added, changed, removed, repeated and moved."""
    new = {name: [list(record) for record in records] for name, records in rows.items()}
    for name, (header, *records) in new.items():
        for _ in range(rng.randrange(3)):
            place = rng.randrange(len(records))
            match rng.choice(["add", "change", "remove", "repeat", "move"]):
                case "add":
                    records.append(list(rng.choice(rows[name][1:])))
                case "change":
                    column = rng.randrange(len(header))
                    if len(records[place]) == len(header):
                        records[place][column] = rng.choice(["", "x", rng.choice(records)[0]])
                case "remove" if len(records) > 2:
                    records.pop(place)
                case "repeat":
                    records.insert(rng.randrange(len(records)), list(records[place]))
                case _:
                    rng.shuffle(records)
        new[name] = [header, *records]
    return new


def make_study(folder: Path, cohort: Path, shard_persons: int) -> Path:
    """Make a study without source files."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/athena").symlink_to(cohort / "athena")
    (folder / "plait.yaml").write_text(SETTINGS.format(shard_persons), encoding="utf-8")
    return folder


def digest_of(folder: Path) -> str:
    """Give the digest of a study's newest version."""
    version = plait.open(folder).version
    assert version is not None
    return study_digest(folder, version)["study"]


@pytest.mark.long
@pytest.mark.parametrize("seed", [3, 41])
def test_any_delivery_gives_what_a_fresh_run_gives(cohort: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    nightly = make_study(tmp_path / "nightly", cohort, 7)
    rows = read_rows(cohort)
    for night in range(3):
        write_rows(nightly / "data/synthea", rows, rng)
        report = plait.open(nightly).run_etl(threads=2)
        fresh = make_study(tmp_path / f"fresh-{night}", cohort, 1000)
        shutil.copytree(nightly / "data/synthea", fresh / "data/synthea")
        plait.open(fresh).run_etl(threads=1)
        assert digest_of(nightly) == digest_of(fresh), f"seed {seed}, night {night}, {report.sources}"
        rows = changed(rows, rng)


@pytest.mark.long
def test_digest_knows_neither_shards_nor_threads_nor_processes(cohort: Path, tmp_path: Path) -> None:
    digests = set()
    for shards, threads, executor in ((1, 1, "threads"), (2, 2, "threads"), (2, 2, "processes"), (8, 2, "threads")):
        study = make_study(tmp_path / f"{shards}-{executor}", cohort, -(-23 // shards))
        shutil.copytree(cohort / "synthea", study / "data/synthea")
        plait.open(study).run_etl(threads=threads, executor=executor)
        version = plait.open(study).version
        assert version is not None
        assert len(version.shards) == shards
        digests.add(digest_of(study))
    assert len(digests) == 1


@pytest.fixture
def study(cohort: Path, tmp_path: Path) -> Path:
    """A study after its first run, in shards of five."""
    folder = make_study(tmp_path / "study", cohort, 5)
    shutil.copytree(cohort / "synthea", folder / "data/synthea")
    plait.open(folder).run_etl(threads=2)
    return folder


def append(file: Path, change: str = "2020-01-01") -> None:
    """Repeat a file's last record with another date."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    fields = lines[-1].split(",")
    fields[0] = change
    file.write_text("\n".join([header, *lines, ",".join(fields)]) + "\n", encoding="utf-8")


def test_one_changed_patient_touches_one_shard(study: Path) -> None:
    before = plait.open(study).version
    append(study / "data/synthea/conditions.csv")
    report = plait.open(study).run_etl()
    after = plait.open(study).version
    assert before is not None
    assert after is not None
    assert [(source.added, source.changed, source.removed) for source in report.sources] == [(0, 1, 0)]
    assert report.shards == 1
    assert sum(before.shards[number] == after.shards[number] for number in before.shards) == len(before.shards) - 1


def test_an_old_version_still_answers_until_it_is_collected(study: Path) -> None:
    count = "SELECT count(*) FROM cdm.condition_occurrence"
    first = plait.open(study).connect().execute(count).fetchone()
    append(study / "data/synthea/conditions.csv")
    plait.open(study).run_etl()
    second = plait.open(study).connect().execute(count).fetchone()
    assert first != second
    assert plait.open(study, version=1).connect().execute(count).fetchone() == first
    assert collect_garbage(study).versions == ()
    assert plait.open(study, version=1).connect().execute(count).fetchone() == first
    assert collect_garbage(study, now=time.time() + 2 * SPARED_SECONDS).versions == (1,)
    with pytest.raises(StudyError, match="versions 2"):
        plait.open(study, version=1)
    assert plait.open(study).connect().execute(count).fetchone() == second
    before = digest_of(study)
    assert plait.open(study).run_etl().changed is False
    plait.open(study).run_etl(full=True)
    assert digest_of(study) == before


def test_a_person_who_left_and_came_back_has_the_same_id(study: Path) -> None:
    patients = study / "data/synthea/patients.csv"
    whole = patients.read_text(encoding="utf-8")
    ids = plait.open(study).table("person").select("person_id", "person_source_value").rows()
    digest = digest_of(study)
    patients.write_text("\n".join(whole.splitlines()[:-1]) + "\n", encoding="utf-8")
    report = plait.open(study).run_etl()
    assert [source.removed for source in report.sources] == [1]
    assert {entry.rejected.get("unknown_person", 0) > 0 for entry in report.entries if entry.file == "encounters" and entry.shape == "visit"} == {True}
    patients.write_text(whole, encoding="utf-8")
    plait.open(study).run_etl()
    assert plait.open(study).table("person").select("person_id", "person_source_value").rows() == ids
    assert digest_of(study) == digest


def test_a_key_that_two_persons_share_names_a_row_of_each_in_any_shards(fresh: Tiny, make_tiny: Callable[[], Tiny]) -> None:
    """What a record becomes depends on its person alone, so that neither shards nor who else has changed can matter."""
    line = FILES["encounters"].splitlines()[1].replace("MRN-4711", "MRN-4714")
    digests = set()
    for study, shard_persons in ((fresh, 1), (make_tiny(), 1000)):
        study.settings(TINY + f"shard_persons: {shard_persons}\n")
        study.write("encounters", FILES["encounters"] + line + "\n")
        study.run()
        digests.add(plait.open(study.path).digest()["study"])
        assert plait.open(study.path).table("visit_detail").height == 5
    assert len(digests) == 1
