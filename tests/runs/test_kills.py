"""Runs that are killed: the last version stands, and the next run goes on where they stopped."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import plait
from plait.etl.run import STEPS
from shell import environment
from tiny_study import FILES, SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHANGE = "2020-06-01,,MRN-4712,V-2,49727002,Cough\n2020-06-02,,MRN-4714,V-4,44054006,Type 2 diabetes mellitus\n"

KILL_AT = """
import os, signal, sys
import plait

study, step, at_row = sys.argv[1], sys.argv[2], int(sys.argv[3])
heard = 0

def listen(name, rows):
    global heard
    heard += name == step
    if name == step and heard > at_row:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    plait.open(study).run_etl(threads=2, executor=sys.argv[4], progress=listen)
"""
"""Runs a study and kills itself where `step` begins, or after so many of its reports."""


def kill_at(study: Path, step: str, reports: int = 0, executor: str = "threads") -> None:
    """Run a study in a process of its own until it kills itself."""
    done = subprocess.run([sys.executable, "-c", KILL_AT, str(study), step, str(reports), executor], check=False)
    assert done.returncode == -signal.SIGKILL


def digest(study: Path) -> str:
    """Give the digest of the version that stands."""
    return plait.open(study).digest()["study"]


def number(study: Path) -> int:
    """Give the number of the version that stands."""
    version = plait.open(study).version
    assert version is not None
    return version.version


@pytest.fixture(scope="module")
def evening(make_tiny: Callable[[], Tiny]) -> Tiny:
    """Give a small study in two shards that was run once, before its delivery of the night; not to be changed."""
    study = make_tiny()
    study.settings(SETTINGS + "shard_persons: 2\n")
    study.run()
    study.write("conditions", FILES["conditions"] + CHANGE)
    return study


@pytest.fixture(scope="module")
def morning(evening: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Give the same study after its delivery, not to be changed."""
    folder = tmp_path_factory.mktemp("morning") / "study"
    shutil.copytree(evening.path, folder)
    plait.open(folder).run_etl(threads=2)
    return Tiny(folder)


@pytest.fixture
def night(evening: Tiny, tmp_path: Path) -> Tiny:
    """Give a copy of the study before its delivery, to be broken."""
    shutil.copytree(evening.path, tmp_path / "night")
    return Tiny(tmp_path / "night")


def test_steps_are_those_that_a_run_comes_to(fresh: Tiny) -> None:
    heard: list[str] = []
    plait.open(fresh.path).run_etl(progress=lambda step, rows: heard.append(step) if rows == 0 else None)
    assert tuple(dict.fromkeys(heard)) == STEPS


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_a_step_loses_nothing(night: Tiny, evening: Tiny, morning: Tiny, step: str) -> None:
    kill_at(night.path, step)
    committed = STEPS.index(step) > STEPS.index("committing")
    assert number(night.path) == (2 if committed else 1)
    assert digest(night.path) == digest(morning.path if committed else evening.path)
    report = plait.open(night.path).run_etl()
    assert report.changed is not committed
    assert digest(night.path) == digest(morning.path)
    assert left_over(night.path) == []


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_next_run_takes_over_finished_shards(fresh: Tiny, executor: str) -> None:
    fresh.settings(SETTINGS + "shard_persons: 1\n")
    kill_at(fresh.path, "harmonizing", 2, executor)
    plait.open(fresh.path).run_etl()
    version = plait.open(fresh.path).version
    assert version is not None
    attempts = {shard: {re.sub(r".*-([0-9a-f]{8})\.parquet", r"\1", file) for file in files["cdm"].values()} for shard, files in version.shards.items()}
    assert all(len(names) == 1 for names in attempts.values())
    assert attempts["1"] == attempts["2"] != attempts["4"], "shards that were done keep the name of the attempt that did them"


def test_a_finished_shard_of_other_records_is_not_taken_over(night: Tiny, tmp_path: Path) -> None:
    kill_at(night.path, "balancing the books")
    night.write("conditions", FILES["conditions"] + CHANGE.replace("49727002,Cough", "195967001,Asthma"))
    plait.open(night.path).run_etl()
    again = tmp_path / "again"
    shutil.copytree(night.path, again)
    plait.open(again).run_etl(full=True)
    assert digest(again) == digest(night.path)
    assert plait.open(night.path).table("condition_occurrence").height == 6
    assert left_over(night.path) == []


def test_a_finished_shard_whose_file_broke_off_is_not_taken_over(night: Tiny) -> None:
    """A loss of power keeps the names of files and loses what stood in them."""
    kill_at(night.path, "balancing the books")
    for file in (night.path / "warehouse/cdm/condition_occurrence").glob("shard-*-run-000002-*"):
        os.truncate(file, file.stat().st_size - 1)
    for file in (night.path / "warehouse/staged/ehr").glob("conditions.event.*.parquet"):
        os.truncate(file, 0)
    plait.open(night.path).run_etl()
    assert plait.open(night.path).table("condition_occurrence").height == 6


def test_processes_end_with_a_run_that_is_killed(fresh: Tiny) -> None:
    fresh.settings(SETTINGS + "shard_persons: 1\n")
    kill_at(fresh.path, "harmonizing", 1, "processes")
    deadline = time.monotonic() + 30
    while (left := list(processes_on(fresh.path))) and time.monotonic() < deadline:
        os.sched_yield()
    assert left == []


def processes_on(study: Path) -> Iterator[int]:
    """Yield the other processes that have a file of a study open."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            number = int(descriptor.parts[2])
            if number != os.getpid() and str(descriptor.readlink()).startswith(str(study)):
                yield number


def left_over(study: Path) -> list[str]:
    """Give what stands in a study that no version names, by its place."""
    return sorted(
        str(path.relative_to(study))
        for folder in ("warehouse/.spill", "warehouse/.unfinished", "warehouse/versions", "warehouse/cdm", "warehouse/books", "private")
        for path in (study / folder).rglob("*")
        if path.is_file() and not any(str(path.relative_to(study)) in named for named in named_by_versions(study))
    )


def named_by_versions(study: Path) -> list[set[str]]:
    """Give the files that each version names, and its own."""
    named = []
    for file in (study / "warehouse/versions").glob("*.json"):
        version = plait.open(study, version=int(file.stem)).version
        assert version is not None
        tables = {f"warehouse/{path}" for schema in version.tables.values() for paths in schema.values() for path in paths}
        named.append({f"warehouse/versions/{file.name}", version.crosswalk, version.dimension_ids, str(version.contested), *tables})
    return named


@pytest.mark.long
def test_ten_kills_at_any_moment_lose_nothing(fresh: Tiny, tmp_path: Path) -> None:
    """Ten nights, each with a change and a kill somewhere within the run; in the end the study is what a fresh run makes."""
    fresh.settings(SETTINGS + "shard_persons: 2\n")
    begin = time.monotonic()
    run_killed_after(fresh.path, 60)
    longest = time.monotonic() - begin
    rng = random.Random(20)
    lines = ""
    for night in range(10):
        lines += f"2021-03-{night + 1:02},,MRN-471{1 + night % 4},V-{1 + night % 4},{rng.choice(['49727002,Cough', '195967001,Asthma'])}\n"
        fresh.write("conditions", FILES["conditions"] + lines)
        before, stood = digest(fresh.path), number(fresh.path)
        run_killed_after(fresh.path, rng.uniform(0, longest))
        assert number(fresh.path) in {stood, stood + 1}
        assert number(fresh.path) > stood or digest(fresh.path) == before
    plait.open(fresh.path).run_etl()
    again = Tiny(tmp_path / "again")
    again.data.mkdir(parents=True)
    (again.path / "data/athena").symlink_to(fresh.path / "data/athena")
    for stem, text in FILES.items():
        again.write(stem, text)
    again.write("conditions", FILES["conditions"] + lines)
    again.settings(SETTINGS)
    again.run()
    assert digest(fresh.path) == digest(again.path)
    assert left_over(fresh.path) == []


def run_killed_after(study: Path, seconds: float) -> None:
    """Run a study in a process of its own, and kill that if it has not ended by then."""
    with subprocess.Popen([sys.executable, "-m", "plait", "run", "-q", "-s", str(study)], env=environment()) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
