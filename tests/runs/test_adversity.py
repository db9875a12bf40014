"""What befalls a nightly job: full disks, files in motion, two runs, slow readers, Ctrl-C, clocks that jump."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import plait
from plait.errors import InputFileError, PlaitError, StudyError
from plait.etl.gc import SPARED_SECONDS, collect_garbage
from shell import environment
from tiny_study import FILES, SECRETS, SETTINGS, Tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEW = "2020-06-01,,MRN-4712,V-2,49727002,Cough\n"
DAY_S = 24 * 3600


def conditions(study: Path) -> int:
    """Count the conditions of the version that stands."""
    return plait.open(study).table("condition_occurrence").height


def digest(study: Path) -> str:
    """Give the digest of the version that stands."""
    return plait.open(study).digest()["study"]


def at(step: str, action: Callable[[], Any]) -> Callable[[str, int], None]:
    """Give a listener that does something once, where a step begins."""
    left = [action]

    def listen(name: str, rows: int) -> None:
        if name == step and rows == 0 and left:
            left.pop()()

    return listen


def shell(study: Tiny, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run `plait` on a study in a process of its own."""
    command = [*before, sys.executable, "-m", "plait", *words, "-s", str(study.path)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """Have a file system of a few MiB at `folder`."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder.mkdir()
    if subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", folder], check=True)


# --- a disk that is full, or read-only


def test_a_full_disk_leaves_the_last_version_and_room_is_all_it_takes(clean: Tiny, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "12m"):
        study = Tiny(tmp_path / "disk" / "study")
        shutil.copytree(clean.path, study.path)
        before = digest(study.path)
        study.write("conditions", FILES["conditions"] + NEW)
        ballast = study.path.parent / "ballast"
        free = shutil.disk_usage(study.path).free
        told = []
        for left in range(0, free, free // 12):
            with ballast.open("wb") as file:
                file.write(bytes(shutil.disk_usage(study.path).free - left))
            done = shell(study, "run")
            ballast.unlink()
            if done.returncode == 0:
                break
            told.append(done.stderr)
            assert done.returncode == 1
            assert digest(study.path) == before
        assert told
        assert all("a full disk" in words and "plait gc" in words for words in told), told
        assert [secret for secret in SECRETS if secret in "".join(told)] == []
        assert conditions(study.path) == 5


def test_a_study_on_a_read_only_disk_is_read_and_not_written(clean: Tiny, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "32m"):
        study = Tiny(tmp_path / "disk" / "study")
        shutil.copytree(clean.path, study.path)
        subprocess.run(["/bin/mount", "-o", "remount,ro", study.path.parent], check=True)
        assert conditions(study.path) == 4
        for words in (("etl", "status"), ("digest",), ("etl", "rejects"), ("etl", "trace", "person", "1")):
            assert shell(study, *words).returncode == 0
        done = shell(study, "run")
        assert (done.returncode, "a folder that plait may write to" in done.stderr) == (1, True), done.stderr


def test_too_little_memory_says_so(fresh: Tiny) -> None:
    lines = "".join(f"2020-{1 + n % 12:02},,MRN-471{1 + n % 4},V-{1 + n % 4},49727002,{'Cough ' * 40}\n" for n in range(200_000))
    fresh.write("conditions", FILES["conditions"] + lines)
    done = shell(fresh, "etl", "run", "--memory", "64MiB", "--threads", "1")
    if done.returncode:  # it may get along
        assert "Raise --memory" in done.stderr, done.stderr
        assert not fresh.versions()


# --- files in motion


@pytest.mark.long
@pytest.mark.parametrize("step", ["staging", "writing the books"])
@pytest.mark.parametrize("motion", ["grows", "is replaced", "vanishes", "is cut"])
def test_a_file_that_moves_while_it_is_read_stops_the_run(tiny: Tiny, motion: str, step: str) -> None:
    text = FILES["conditions"] + NEW + "2020-06-02,,MRN-9999,V-2,49727002,Cough\n"
    file = tiny.write("conditions", text)

    def move() -> None:
        match motion:
            case "grows":
                with file.open("a", encoding="utf-8") as handle:
                    handle.write(NEW)
            case "is replaced":
                other = file.with_suffix(".new")
                other.write_text(text.replace("Cough", "cough"), encoding="utf-8")
                other.replace(file)
            case "vanishes":
                file.unlink()
            case _:
                os.truncate(file, 150)

    before = digest(tiny.path)
    with pytest.raises(InputFileError, match="stays as it is while it is read"):
        plait.open(tiny.path).run_etl(progress=at(step, move))
    assert digest(tiny.path) == before
    tiny.write("conditions", text)
    plait.open(tiny.path).run_etl()
    assert conditions(tiny.path) == 5


def test_size_and_time_are_trusted_unless_the_file_was_written_to_just_before(tiny: Tiny) -> None:
    """A second write within a tick of the clock leaves size and time as they are; only the content tells then."""
    now = time.time_ns()
    for written, is_noticed in ((now - 3600 * 10**9 + 1, False), (now + 3600 * 10**9, True)):
        tiny.write("conditions", FILES["conditions"] + NEW)
        os.utime(tiny.file("conditions"), ns=(written, written))
        plait.open(tiny.path).run_etl()
        tiny.write("conditions", FILES["conditions"] + NEW.replace("Cough", "cough"))
        os.utime(tiny.file("conditions"), ns=(written, written))
        assert plait.open(tiny.path).run_etl().changed is is_noticed
        assert plait.open(tiny.path).run_etl(rehash=True).changed is not is_noticed


def test_a_delivery_that_is_missing_a_file_and_then_has_it(tiny: Tiny) -> None:
    before = digest(tiny.path)
    tiny.file("conditions").unlink()
    report = plait.open(tiny.path).run_etl()
    assert [(source.added, source.changed, source.removed) for source in report.sources] == [(0, 4, 0)]
    assert conditions(tiny.path) == 0
    tiny.write("conditions", FILES["conditions"])
    plait.open(tiny.path).run_etl()
    assert digest(tiny.path) == before


# --- two runs, and readers


def test_a_second_run_says_who_holds_the_study_and_a_dead_one_holds_nothing(tiny: Tiny) -> None:
    tiny.write("conditions", FILES["conditions"] + NEW)
    ready, go = tiny.path / "ready", tiny.path / "go"
    script = (
        "import pathlib, sys, plait\n"
        "study, ready, go = map(pathlib.Path, sys.argv[1:])\n"
        "def listen(step, rows):\n"
        "    if step == 'balancing the books':\n"
        "        ready.touch()\n"
        "        while not go.exists(): pass\n"
        "plait.open(study).run_etl(progress=listen)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, tiny.path, ready, go]) as first:
        try:
            while not ready.exists():
                assert first.poll() is None
            second = shell(tiny, "run")
            assert second.returncode == 1
            assert f"process {first.pid} on " in second.stderr
            assert " since 20" in second.stderr
            assert "a study that" not in shell(tiny, "gc").stderr
            assert conditions(tiny.path) == 4, "a reader waits for nobody"
        finally:
            first.send_signal(signal.SIGKILL)
    assert shell(tiny, "run", "-q").returncode == 0, "the lock went with its process"
    assert conditions(tiny.path) == 5


def test_of_two_runs_without_a_lock_one_commits(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system loses a lock, both runs take themselves for the only one; neither harms the other."""
    tiny.write("conditions", FILES["conditions"] + NEW)
    monkeypatch.setattr("fcntl.flock", lambda *_: None)

    def another() -> None:
        plait.open(tiny.path).run_etl()

    with pytest.raises(StudyError):
        plait.open(tiny.path).run_etl(progress=at("committing", another))
    assert conditions(tiny.path) == 5
    assert plait.open(tiny.path).run_etl().changed is False


def test_a_reader_reads_on_through_a_commit_and_through_gc(tiny: Tiny) -> None:
    count = "SELECT count(*) FROM cdm.condition_occurrence"
    reader = plait.open(tiny.path).connect()
    for file in (tiny.path / "warehouse").rglob("*"):
        os.utime(file, (time.time() - 9 * DAY_S,) * 2)
    tiny.write("conditions", FILES["conditions"] + NEW)
    plait.open(tiny.path).run_etl()
    assert reader.execute(count).fetchone() == (4,)
    collected = collect_garbage(tiny.path)
    assert (collected.versions, collected.files) == ((), 0), "the first version stood until now, however old its files are"
    assert reader.execute(count).fetchone() == (4,)
    assert collect_garbage(tiny.path, now=time.time() + SPARED_SECONDS + 60).versions == (1,)
    assert conditions(tiny.path) == 5


def test_the_catalogue_answers_through_a_commit(tiny: Tiny) -> None:
    duckdb = pytest.importorskip("duckdb")
    catalogue = tiny.path / "warehouse/study.duckdb"
    with duckdb.connect(str(catalogue), read_only=True) as old:
        tiny.write("conditions", FILES["conditions"] + NEW)
        plait.open(tiny.path).run_etl()
        assert old.execute("SELECT count(*) FROM cdm.condition_occurrence").fetchone() == (4,)
    with duckdb.connect(str(catalogue), read_only=True) as new:
        assert new.execute("SELECT count(*) FROM cdm.condition_occurrence").fetchone() == (5,)


def test_a_catalogue_that_others_spoilt_is_made_anew(tiny: Tiny) -> None:
    plait.open(tiny.path).run_etl()
    catalogue = tiny.path / "warehouse/study.duckdb"
    truth = catalogue.with_name("study.duckdb.json").read_text(encoding="utf-8")
    for spoil in (catalogue.unlink, lambda: catalogue.with_name("study.duckdb.wal").write_bytes(b"left by a crash")):
        spoil()
        assert plait.open(tiny.path).run_etl().changed is False
        assert not catalogue.with_name("study.duckdb.wal").exists()
        assert catalogue.with_name("study.duckdb.json").read_text(encoding="utf-8") == truth
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect(str(catalogue), read_only=True) as con:
            assert con.execute("SELECT count(*) FROM cdm.condition_occurrence").fetchone() == (4,)


# --- Ctrl-C


@pytest.mark.parametrize("processes", [False, True], ids=["threads", "processes"])
def test_ctrl_c_stops_at_once_and_leaves_the_last_version(tiny: Tiny, *, processes: bool) -> None:
    tiny.write("conditions", FILES["conditions"] + NEW)
    before = digest(tiny.path)
    command = [sys.executable, "-m", "plait", "etl", "run", *(["--processes"] if processes else []), "-s", str(tiny.path)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
        while not any((tiny.path / "warehouse/.spill").glob("*")):
            assert run.poll() is None, "it ended before it could be stopped"
        run.send_signal(signal.SIGINT)
        _, told = run.communicate()
    assert run.returncode == 130, told
    assert "the last version stands" in told
    assert "Traceback" not in told
    assert digest(tiny.path) == before
    assert not (tiny.path / "warehouse/.spill").exists()
    plait.open(tiny.path).run_etl()
    assert conditions(tiny.path) == 5


# --- a clock that jumps


@pytest.mark.long
def test_a_clock_that_jumps_changes_nothing(fresh: Tiny, tmp_path: Path) -> None:
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("Debian's faketime is not installed")
    fresh.settings(SETTINGS + "shard_persons: 2\n")
    lines = FILES["conditions"]
    for night, clock in enumerate(("2031-05-01 02:00:00", "2001-05-02 02:00:00", "2026-05-03 02:00:00")):
        lines += f"2020-07-{night + 1:02},,MRN-471{night + 1},V-{night + 1},49727002,Cough\n"
        fresh.write("conditions", lines)
        done = shell(fresh, "run", "-q", before=(faketime, clock))
        assert done.returncode == 0, done.stderr
        assert conditions(fresh.path) == 5 + night
        again = shell(fresh, "run", before=(faketime, "1999-01-01 00:00:00"))
        assert "Nothing has changed" in again.stdout, again.stderr
    whole = Tiny(tmp_path / "whole")
    shutil.copytree(fresh.path / "data", whole.path / "data")
    whole.settings(SETTINGS)
    whole.run()
    assert digest(whole.path) == digest(fresh.path)
    assert shell(fresh, "gc", before=(faketime, "1999-01-01 00:00:00")).stdout.startswith("Removed no version, 0 files")
    assert plait.open(fresh.path, version=1).table("condition_occurrence").height == 5


def test_errors_of_a_run_show_no_patient(tiny: Tiny) -> None:
    file = tiny.write("conditions", FILES["conditions"] + NEW)
    with pytest.raises(PlaitError) as caught:
        plait.open(tiny.path).run_etl(progress=at("staging", file.unlink))
    assert [secret for secret in SECRETS if secret in str(caught.value)] == []
