"""References that keep: what became of each file of an image, read once, whatever stops the reading."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import plait
from plait.errors import StudyError
from plait.etl.catalog import checks_file
from plait.etl.commit import locked
from plait.etl.images.files import ImageFiles
from plait.etl.images.verify import _alike
from plait.schema.reasons import Reason
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pacs_study import Sandbox
    from shell import Result

    Rows = Callable[[plait.Study, str], list[tuple[Any, ...]]]

BY_URI = "SELECT uri, status FROM plait.image_check ORDER BY uri"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of files that are opened from now on."""
    found: list[str] = []
    real = ImageFiles.open

    @contextmanager
    def noted(self: ImageFiles, uri: str) -> Iterator[IO[bytes]]:
        found.append(uri)
        with real(self, uri) as file:
            yield file

    monkeypatch.setattr(ImageFiles, "open", noted)
    return found


@pytest.fixture
def series(sandbox: Sandbox) -> plait.Study:
    """Give a study with a series of six files, and another of one in an archive."""
    for number in range(6):
        write_dicom(sandbox.pacs / f"a/{number}.dcm", PixelData=bytes([number]) * 32)
    one = write_dicom(sandbox.folder / "made.dcm", SeriesInstanceUID="1.2.3.1.2")
    with zipfile.ZipFile(sandbox.pacs / "b.zip", "w") as archive:
        archive.write(one, "deep/one.dcm")
    return sandbox.run()


def counted(study: plait.Study, **how: Any) -> dict[str, int]:  # noqa: ANN401 - options of verify
    return {row.status: row.files for row in study.verify(threads=2, **how).statuses}


def touch(path: Path, seconds: int = 100) -> None:
    os.utime(path, (path.stat().st_mtime + seconds,) * 2)


def test_files_are_read_once(series: plait.Study, opened: list[str], rows: Rows, sandbox: Sandbox) -> None:
    assert rows(series, BY_URI) == []
    assert series.image_reason(4194304) is Reason.OBSERVED
    assert counted(series) == {"verified": 7}
    names = [f"a/{number}.dcm" for number in range(6)]
    assert sorted(opened) == [*names, "b.zip!deep/one.dcm"]
    digests = dict(rows(series, "SELECT uri, sha256 FROM plait.image_check"))
    assert digests["a/3.dcm"] == hashlib.sha256((sandbox.pacs / "a/3.dcm").read_bytes()).hexdigest()
    assert digests["b.zip!deep/one.dcm"] == hashlib.sha256((sandbox.folder / "made.dcm").read_bytes()).hexdigest()
    before = checks_file(series.path).read_bytes()
    opened.clear()
    assert counted(series) == {"verified": 7}
    assert opened == []
    assert pq.read_table(checks_file(series.path)).equals(pq.read_table(pa.BufferReader(before)))
    assert counted(series, rehash=True) == {"verified": 7}
    assert len(opened) == 7


def test_the_checks_are_in_the_catalogue_for_outside_readers(series: plait.Study) -> None:
    import duckdb

    counted(series)
    with duckdb.connect(str(series.path / "warehouse/study.duckdb"), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM plait.image_check WHERE status = 'verified'").fetchone() == (7,)


def test_a_check_that_was_stopped_is_taken_up_where_it_was(series: plait.Study, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.etl.images.verify._BATCH_FILES", 1)
    monkeypatch.setattr("plait.etl.images.verify._WAITING", 1)
    noted = ImageFiles.open

    @contextmanager
    def stopping(self: ImageFiles, uri: str) -> Iterator[IO[bytes]]:
        if uri == "a/4.dcm":
            raise KeyboardInterrupt
        with noted(self, uri) as file:
            yield file

    monkeypatch.setattr(ImageFiles, "open", stopping)
    with pytest.raises(KeyboardInterrupt):
        series.verify(threads=1)
    kept = pq.read_table(checks_file(series.path))
    assert kept["uri"].to_pylist() == [f"a/{number}.dcm" for number in range(4)]
    monkeypatch.setattr(ImageFiles, "open", noted)
    assert counted(series) == {"verified": 7}
    assert sorted(opened) == sorted({*opened})
    assert len(opened) == 7


def test_what_is_known_is_kept_while_the_work_goes_on(series: plait.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.etl.images.verify._BATCH_FILES", 1)
    monkeypatch.setattr("plait.etl.images.verify._SAVED_SECONDS", 0)
    kept: list[int] = []
    series.verify(threads=1, progress=lambda _step, _files: kept.append(pq.read_table(checks_file(series.path)).num_rows if kept else 0))
    assert kept == list(range(7))


def test_a_changed_file_of_the_same_size_is_told_by_its_content(series: plait.Study, opened: list[str], sandbox: Sandbox, rows: Rows) -> None:
    counted(series)
    path = sandbox.pacs / "a/2.dcm"
    was = path.stat()
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\xff")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert counted(series) == {"verified": 7}, "size and time are what they were"
    assert counted(series, rehash=True) == {"verified": 6, "changed": 1}
    opened.clear()
    assert counted(series) == {"verified": 6, "changed": 1}
    assert opened == [], "it stays changed, unread"
    assert series.image_reason(4194304) is Reason.UNREACHABLE
    assert series.image_reason(4194305) is Reason.OBSERVED
    path.write_bytes(good)
    assert counted(series) == {"verified": 7}, "it is what it was"
    assert opened == ["a/2.dcm"]
    assert rows(series, "SELECT count(*) FROM plait.image_check WHERE sha256 IS NULL") == [(0,)]


def test_a_file_with_another_time_is_read_again(series: plait.Study, opened: list[str], sandbox: Sandbox) -> None:
    counted(series)
    opened.clear()
    touch(sandbox.pacs / "a/1.dcm")
    (sandbox.pacs / "a/2.dcm").write_bytes(b"\0" * (sandbox.pacs / "a/2.dcm").stat().st_size)
    touch(sandbox.pacs / "a/2.dcm")
    assert counted(series) == {"verified": 6, "changed": 1}
    assert sorted(opened) == ["a/1.dcm", "a/2.dcm"]


def test_a_file_of_another_size_is_changed_unread(series: plait.Study, opened: list[str], sandbox: Sandbox) -> None:
    (sandbox.pacs / "a/2.dcm").write_bytes(b"short")
    assert counted(series) == {"verified": 6, "changed": 1}
    assert "a/2.dcm" not in opened


def test_what_is_indexed_anew_is_checked_anew(series: plait.Study, sandbox: Sandbox, rows: Rows) -> None:
    counted(series)
    write_dicom(sandbox.pacs / "a/2.dcm", PixelData=b"\7" * 32)
    touch(sandbox.pacs / "a/2.dcm")
    assert counted(series) == {"verified": 6, "changed": 1}
    study = sandbox.run()
    assert ("a/2.dcm", "changed") not in rows(study, BY_URI), "what was found is of the file before"
    assert study.image_reason(4194304) is Reason.OBSERVED
    assert counted(study) == {"verified": 7}


def test_a_file_that_is_gone_is_missing(series: plait.Study, sandbox: Sandbox, rows: Rows) -> None:
    counted(series)
    (sandbox.pacs / "a/2.dcm").unlink()
    (sandbox.pacs / "b.zip").unlink()
    assert counted(series) == {"verified": 5, "missing": 2}
    assert [uri for uri, status in rows(series, BY_URI) if status == "missing"] == ["a/2.dcm", "b.zip!deep/one.dcm"]
    assert series.image_reason(4194304) is Reason.UNREACHABLE


@pytest.mark.parametrize("is_hashed", [True, False])
def test_a_file_that_moved_is_found(series: plait.Study, sandbox: Sandbox, is_hashed: bool) -> None:  # noqa: FBT001
    if is_hashed:
        counted(series)
    (sandbox.pacs / "new/a").mkdir(parents=True)
    (sandbox.pacs / "a/2.dcm").rename(sandbox.pacs / "new/a/2.dcm")
    shutil.copy(sandbox.pacs / "a/3.dcm", sandbox.pacs / "new/2.dcm")  # of its name and size
    (sandbox.pacs / "b.zip").rename(sandbox.pacs / "new/b.zip")
    found = series.verify(threads=2)
    assert {row.status: row.files for row in found.statuses} == {"verified": 5, "moved": 2}
    assert found.is_whole
    assert {row["uri"]: row["moved_to"] for row in found.files} == {"a/2.dcm": "new/a/2.dcm", "b.zip!deep/one.dcm": "new/b.zip!deep/one.dcm"}
    assert series.image_reason(4194304) is Reason.UNREACHABLE, "it is not where it is said to be"
    study = sandbox.run()
    assert study.image_reason(4194304) is Reason.OBSERVED


def test_a_file_of_another_content_is_not_the_one_that_moved(series: plait.Study, sandbox: Sandbox) -> None:
    counted(series)
    (sandbox.pacs / "a/2.dcm").unlink()
    (sandbox.pacs / "new").mkdir()
    shutil.copy(sandbox.pacs / "a/3.dcm", sandbox.pacs / "new/2.dcm")
    assert counted(series) == {"verified": 6, "missing": 1}


def test_where_it_is_unsure_which_file_moved_none_did(sandbox: Sandbox) -> None:
    for name in ("a/1.dcm", "b/1.dcm", "c/2.dcm", "d/3.dcm"):
        write_dicom(sandbox.pacs / name)
    study = sandbox.run()
    (sandbox.pacs / "e").mkdir()
    (sandbox.pacs / "a/1.dcm").rename(sandbox.pacs / "e/1.dcm")  # whose is it?
    (sandbox.pacs / "b/1.dcm").unlink()
    for name in ("e", "f"):
        (sandbox.pacs / name).mkdir(exist_ok=True)
        shutil.copy(sandbox.pacs / "c/2.dcm", sandbox.pacs / name / "2.dcm")  # which is it?
    (sandbox.pacs / "c/2.dcm").unlink()
    (sandbox.pacs / "d/3.dcm").unlink()
    assert counted(study) == {"missing": 4}


def test_the_file_of_another_image_is_not_one_that_moved(sandbox: Sandbox) -> None:
    write_dicom(sandbox.pacs / "a/1.dcm")
    write_dicom(sandbox.pacs / "b/1.dcm", SeriesInstanceUID="1.2.3.1.2")
    study = sandbox.run()
    (sandbox.pacs / "a/1.dcm").unlink()
    assert counted(study) == {"verified": 1, "missing": 1}


def test_paths_are_alike_from_their_ends() -> None:
    assert [_alike("a/b/1.dcm", other) for other in ("x/a/b/1.dcm", "b/1.dcm", "1.dcm", "a/1.dcm", "2.dcm")] == [3, 2, 1, 1, 0]


def test_a_study_can_move_with_its_images(series: plait.Study, sandbox: Sandbox, opened: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    counted(series)
    place = tmp_path_factory.mktemp("elsewhere") / "study"
    shutil.move(sandbox.folder, place)
    opened.clear()
    assert counted(plait.open(place)) == {"verified": 7}
    assert opened == []


def test_what_cannot_be_read_is_unreadable_and_stops_nothing(series: plait.Study, sandbox: Sandbox) -> None:
    archive = sandbox.pacs / "b.zip"
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"Nobody^Known", b"Nobody^Knowm", 1))  # its CRC is that of the other
    (sandbox.pacs / "a/1.dcm").unlink()
    (sandbox.pacs / "a/1.dcm").symlink_to("1.dcm")  # a link without end
    outside = sandbox.folder / "outside.dcm"
    (sandbox.pacs / "a/2.dcm").rename(outside)
    (sandbox.pacs / "a/2.dcm").symlink_to(outside)  # out of the folder
    assert counted(series) == {"verified": 4, "unreadable": 3}
    assert series.image_reason(4194304) is Reason.UNREACHABLE
    assert series.image_reason(4194305) is Reason.UNREACHABLE


def test_a_source_that_is_not_there_is_said_to_be(series: plait.Study, sandbox: Sandbox) -> None:
    sandbox.pacs.rename(sandbox.folder / "away")
    found = series.verify(threads=2)
    assert [(row.status, row.files) for row in found.statuses] == [("missing", 7)]
    assert found.notes == ("the path of source pacs is not there",)


# Elsewhere


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Give a folder and the URL that it is served at."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library has it
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def elsewhere(sandbox: Sandbox, *urls: str | None) -> plait.Study:
    """Run a study with a manifest of one series a URL."""
    said = {"PatientID": "p1", "StudyInstanceUID": "1.2.1", "Modality": "CT", "StudyDate": "2020-01-02"}
    rows = [said | {"SeriesInstanceUID": f"1.2.1.{number}", "series_aws_url": url} for number, url in enumerate(urls)]
    pa.csv.write_csv(pa.Table.from_pylist(rows), sandbox.folder / "idc.csv")
    return sandbox.run("idc.csv", manifest="idc.csv")


def test_a_url_is_opened_where_it_is(sandbox: Sandbox, server: tuple[Path, str], opened: list[str], rows: Rows) -> None:
    folder, url = server
    content = bytes(range(256)) * 5000
    (folder / "a.dcm").write_bytes(content)
    study = elsewhere(sandbox, f"{url}/a.dcm", f"{url}/gone.dcm", None, "s3://bucket/series/*")
    assert counted(study) == {"verified": 1, "missing": 1, "not_checked": 2}
    assert rows(study, "SELECT sha256, size_bytes FROM plait.image_check WHERE status = 'verified'") == [(hashlib.sha256(content).hexdigest(), len(content))]
    opened.clear()
    assert counted(study)["verified"] == 1
    assert opened == []
    (folder / "a.dcm").write_bytes(content[:-1] + b"\0")
    assert counted(study, rehash=True) == {"changed": 1, "missing": 1, "not_checked": 2}


def test_a_server_that_is_not_there_is_unreadable(sandbox: Sandbox) -> None:
    assert counted(elsewhere(sandbox, "http://127.0.0.1:9/a.dcm")) == {"unreadable": 1}


def test_a_missing_package_is_named(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    study = elsewhere(sandbox, "s3://bucket/a.dcm", "what://a.dcm")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    found = study.verify(threads=1)
    assert [(row.status, row.files) for row in found.statuses] == [("not_checked", 2)]
    assert found.notes == ("s3: Install s3fs to access S3",)
    assert found.is_whole
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert study.verify(threads=1).notes == ("pip install 'plait[imaging]'",)


# The command


def test_the_command_shows_sums_and_places(series: plait.Study, sandbox: Sandbox, command: Callable[..., Result]) -> None:
    done = command("verify", "-s", sandbox.folder, "--threads", 2)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "Files of images"
    assert done.out.splitlines()[2].split()[:2] == ["verified", "7"]
    (sandbox.pacs / "a/2.dcm").unlink()
    done = command("verify", "-s", sandbox.folder)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-1].split() == ["missing", "pacs", "a/2.dcm"]
    found = json.loads(command("verify", "-s", sandbox.folder, "--json").out)
    assert found.keys() == {"statuses", "files", "notes"}
    assert found["files"] == [{"status": "missing", "source": "pacs", "uri": "a/2.dcm", "moved_to": None}]
    done = command("verify", "-s", sandbox.folder, "-q")
    assert (done.code, done.out, done.err) == (1, "", "")
    assert series.version is not None


def test_one_check_at_a_time(series: plait.Study, sandbox: Sandbox, command: Callable[..., Result]) -> None:
    with locked(series.path, checks_file(series.path).parent), pytest.raises(StudyError, match="another one"):
        series.verify()
    assert counted(series) == {"verified": 7}
    assert not sandbox.run().run_etl().changed, "a run goes on beside it"
    assert command("gc", "-s", sandbox.folder).code == 0
    assert checks_file(series.path).is_file()


def test_no_image_has_no_reason_and_an_old_version_is_not_checked(series: plait.Study) -> None:
    with pytest.raises(StudyError, match="an image"):
        series.image_reason(1)
    with pytest.raises(StudyError, match="newest"):
        plait.open(series.path, version=1).verify()


def test_a_source_that_was_taken_out_is_not_checked(series: plait.Study, sandbox: Sandbox) -> None:
    settings = sandbox.folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("name: pacs", "name: other"), encoding="utf-8")
    found = series.verify()
    assert [(row.status, row.files) for row in found.statuses] == [("not_checked", 7)]
    assert found.notes == ("plait.yaml has no source pacs any more",)


def test_a_damaged_file_of_a_study_is_said_in_one_sentence(series: plait.Study) -> None:
    series.verify()
    checks_file(series.path).write_bytes(b"PAR1 no more")
    with pytest.raises(StudyError, match="expected every file of version 1"):
        plait.open(series.path).connect()
