"""What a killed process leaves behind goes, and what one works in stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plait.errors import ConfigError
from plait.etl.gc import collect_garbage
from plait.export.package import UNFINISHED, new_package
from plait.workfolder import PRIVATE_WORK, work_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from plait.workfolder import work_folder
with work_folder(Path(sys.argv[1]), sys.argv[2]) as folder:
    (folder / "names.txt").write_text("Jane Doe")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def leave_behind(parent: Path, prefix: str) -> Path:
    """Work in a folder in a process that is killed, and give what it leaves."""
    before = {*parent.iterdir()}
    assert subprocess.run([sys.executable, "-c", KILLED, str(parent), prefix], check=False).returncode < 0
    (left,) = {*parent.iterdir()} - before
    return left


def test_a_package_removes_what_a_killed_export_left_and_not_what_a_running_one_writes(tmp_path: Path) -> None:
    others = [tmp_path / ".plait-export-notes", tmp_path / ".plait-export-0123456g"]
    for other in others:
        other.mkdir()
    with work_folder(tmp_path, UNFINISHED) as running:
        left = leave_behind(tmp_path, UNFINISHED)
        assert (left / "names.txt").exists()
        with new_package(tmp_path / "package") as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
            assert not left.exists()
            assert running.is_dir()
        assert running.is_dir()
    assert {*tmp_path.iterdir()} == {tmp_path / "package", *others}


def test_a_package_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), new_package(tmp_path / "package"):
        raise ValueError("no")
    assert not [*tmp_path.iterdir()]


def test_the_current_folder_is_no_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()
    with pytest.raises(ConfigError, match="a new folder"), new_package(Path()):
        pass
    (tmp_path / "something").unlink()
    with new_package(Path()) as folder:
        (folder / "data").touch()
    assert (tmp_path / "data").is_file()


def test_gc_removes_notes_that_a_killed_export_left(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "lab.key").touch()
    left = leave_behind(private, PRIVATE_WORK)
    with work_folder(tmp_path, "other-"), work_folder(private, "x"):
        assert collect_garbage(tmp_path, dry_run=True).files == 1
        assert left.is_dir()
        assert collect_garbage(tmp_path).files == 1
    assert [*private.iterdir()] == [private / "lab.key"]
