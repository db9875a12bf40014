"""Roots that are not local: what is below a URL is indexed, verified and shown as what is below a folder."""

from __future__ import annotations

import io
import json
import random
import re
import threading
import zipfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

import plait
from plait.demo import make_cohort
from plait.demo.pictures import write_slide
from plait.errors import ConfigError, InputFileError
from plait.etl.sources.listing import list_folder
from plait.etl.sources.remote import Found, Unreachable, _found, _raise, remote_folder
from tiny_dicom import write_dicom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Sandbox

    Rows = Callable[[plait.Study, str], list[tuple[Any, ...]]]

pytestmark = pytest.mark.long


@dataclass
class Server:
    """A folder that is served by HTTP with an index, ranges and times; `answers` is what it says of some paths instead."""

    folder: Path
    url: str = ""
    answers: dict[str, int] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)


class Handler(SimpleHTTPRequestHandler):
    """Serves ranges, which the standard library's does not."""

    def __init__(self, server: Server, *said: Any) -> None:  # noqa: ANN401
        self.told = server
        super().__init__(*said, directory=str(server.folder))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library has it
        pass

    def send_head(self) -> Any:  # noqa: ANN401
        if (status := next((status for start, status in self.told.answers.items() if self.path.startswith(start)), None)) is not None:
            self.send_error(status)
            return None
        path = Path(self.translate_path(self.path))
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not path.is_file() or asked is None:
            return super().send_head()
        content = path.read_bytes()[int(asked[1]) : int(asked[2]) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {asked[1]}-{int(asked[1]) + len(content) - 1}/{path.stat().st_size}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.told.sent[path.name] += len(content)
        return None


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    folder.mkdir(exist_ok=True)
    server = Server(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, server)) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "served") as one:
        yield one


def statuses(study: plait.Study, **more: Any) -> dict[str, int]:  # noqa: ANN401
    return {found.status: found.files for found in study.verify(threads=2, **more).statuses}


def filled(server: Server, made: Path) -> None:
    """Put two series, an archive, and what is none of them."""
    pacs = server.folder / "pacs"
    write_dicom(pacs / "a/1.dcm")
    large = write_dicom(pacs / "a/with spaces 🫁.dcm")
    large.write_bytes(large.read_bytes() + bytes(3 << 20))  # what follows the pixels is not read
    (pacs / "notes.txt").write_text("no image", encoding="utf-8")
    (pacs / ".hidden").mkdir()
    write_dicom(pacs / ".hidden" / "3.dcm")
    with zipfile.ZipFile(pacs / "b.zip", "w") as archive:
        archive.write(write_dicom(made / "one.dcm", SeriesInstanceUID="1.2.3.2", PatientID="p2"), "in/one.dcm")


def test_a_folder_of_a_server_is_as_one_of_this_machine(sandbox: Sandbox, server: Server, rows: Rows) -> None:
    filled(server, sandbox.folder / "made")
    study = sandbox.run(f"{server.url}/pacs")
    files = "SELECT uri, size_bytes, image_series_uid FROM plait.image_file INNER JOIN cdm.image_occurrence USING (image_occurrence_id) ORDER BY 1"
    found = rows(study, files)
    assert [row[0] for row in found] == ["a/1.dcm", "a/with spaces 🫁.dcm", "b.zip!in/one.dcm"]
    assert server.sent["with spaces 🫁.dcm"] < 1 << 20, "a header is read, not the file"
    local = type(sandbox)(sandbox.folder / "local")
    local.folder.mkdir()
    local.people(["p1", "p2"])
    here = local.run(str(server.folder / "pacs"))
    assert rows(here, files) == found
    assert here.digest()["image_occurrence"] == study.digest()["image_occurrence"]
    assert statuses(study) == {"verified": 3}
    server.sent.clear()
    assert not study.run_etl(threads=2).changed
    assert server.sent == {}
    assert statuses(study) == {"verified": 3}
    assert server.sent.keys() <= {"b.zip"}, "what has its size and time is not read again, but what is in an archive is looked up"


def test_what_came_changed_and_went(sandbox: Sandbox, server: Server, rows: Rows) -> None:
    filled(server, sandbox.folder / "made")
    study = sandbox.run(f"{server.url}/pacs")
    statuses(study)
    pacs = server.folder / "pacs"
    (pacs / "a/1.dcm").rename(pacs / "1.dcm")
    (pacs / "b.zip").unlink()
    assert statuses(study) == {"verified": 1, "moved": 1, "missing": 1}
    server.sent.clear()
    write_dicom(pacs / "new.dcm", SeriesInstanceUID="1.2.3.4")
    study.run_etl(threads=2)
    assert [row[0] for row in rows(study, "SELECT uri FROM plait.image_file ORDER BY 1")] == ["1.dcm", "a/with spaces 🫁.dcm", "new.dcm"]
    assert server.sent.keys() == {"new.dcm", "1.dcm"}, "those that are new are read, and no others"


def test_a_series_of_a_server_is_shown(sandbox: Sandbox, server: Server) -> None:
    import numpy as np

    for number in range(2):
        pixels = np.full((8, 8), 100 * number, dtype="<u2").tobytes()
        more = {"Rows": 8, "Columns": 8, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0, "SamplesPerPixel": 1}
        write_dicom(server.folder / f"pacs/{number}.dcm", PhotometricInterpretation="MONOCHROME2", InstanceNumber=number, PixelData=pixels, **more)
    study = sandbox.run(f"{server.url}/pacs")
    assert study.show("1.2.3.1.1", sandbox.folder / "seen.png").panes == 2


@pytest.mark.parametrize(("status", "error"), [(404, ConfigError), (403, InputFileError), (500, InputFileError)])
def test_a_server_that_fails_loses_nothing(sandbox: Sandbox, server: Server, rows: Rows, status: int, error: type[Exception]) -> None:
    filled(server, sandbox.folder / "made")
    study = sandbox.run(f"{server.url}/pacs")
    server.answers["/pacs/a/" if status == 500 else "/pacs"] = status
    with pytest.raises(error) as caught:
        study.run_etl(threads=2)
    assert server.url in str(caught.value)
    assert rows(plait.open(study.path), "SELECT count(*) FROM plait.image_file") == [(3,)]
    server.answers.clear()
    assert not study.run_etl(threads=2).changed


def test_a_server_that_is_not_there(sandbox: Sandbox) -> None:
    with pytest.raises(InputFileError, match="no answer"):
        sandbox.run("http://127.0.0.1:9/pacs")


def test_a_file_that_may_not_be_read_is_rejected_and_one_that_fails_stops_the_run(sandbox: Sandbox, rows: Rows) -> None:
    system = fsspec.filesystem("memory")
    root = f"memory://{sandbox.folder.name}"
    for number in range(2):
        system.pipe(f"/{sandbox.folder.name}/{number}.dcm", write_dicom(sandbox.folder / "made.dcm", SOPInstanceUID=f"1.{number}").read_bytes())
    real = type(system).open

    def refused(error: Exception) -> Any:  # noqa: ANN401
        def opened(self: Any, path: str, *said: Any, **more: Any) -> Any:  # noqa: ANN401
            if path.endswith("1.dcm"):
                raise error
            return real(self, path, *said, **more)

        return opened

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(system), "open", refused(TimeoutError("of the server")))
        with pytest.raises(InputFileError, match="no answer"):
            sandbox.run(root)
        patch.setattr(type(system), "open", refused(PermissionError("none")))
        study = sandbox.run(root)
    assert rows(study, "SELECT uri FROM plait.image_file") == [("0.dcm",)]
    assert [row["reason"] for row in study.rejects() if row["shape"] == "image"] == ["unreadable"]


def test_slides_of_a_server(sandbox: Sandbox, server: Server, rows: Rows) -> None:
    (server.folder / "slides").mkdir()
    write_slide(server.folder / "slides" / "one.tif", make_cohort(20)[0], random.Random(1))
    (server.folder / "slides" / "two.mrxs").write_bytes(b"\xff\xd8\xff\xe0 of a thumbnail")
    (server.folder / "slides" / "empty.svs").touch()
    (sandbox.folder / "sheet.csv").write_text("file,who,day\none.tif,p1,2020-01-02\ntwo,p1,2020-01-02\nempty,p1,2020-01-02\n", encoding="utf-8")
    more = {"kind": "wsi", "sheet": "sheet.csv", "sheet_key": "file", "person": "sheet.who", "date": "sheet.day"}
    study = sandbox.run(f"{server.url}/slides", **more)
    assert rows(
        study, "SELECT uri, json_extract_string(geometry, '$.reader') FROM plait.image_item INNER JOIN plait.image_file USING (image_occurrence_id)"
    ) == [("one.tif", "tiffslide")]
    rejected = {json.loads(row["raw"])["name"]: row["reason"] for row in study.rejects() if row["shape"] == "image"}
    assert rejected == {
        "two.mrxs": "needs_local_file",
        "empty.svs": "empty_file",
    }
    assert study.show("one", sandbox.folder / "seen.png").kind == "slide"
    assert statuses(study) == {"verified": 1}


def test_a_zip_archive_can_be_the_root(sandbox: Sandbox, server: Server) -> None:
    filled(server, sandbox.folder / "made")
    assert [entry.name for entry in list_folder(f"zip::{server.url}/pacs/b.zip").entries] == ["in/one.dcm"]


def test_a_check_in_the_process_that_listed_an_archive_finds_what_is_there_now(sandbox: Sandbox) -> None:
    """What was read of an archive is kept by fsspec."""
    system, path = fsspec.filesystem("memory"), f"/{sandbox.folder.name}/b.zip"

    def put(*names: str) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as members:
            for name in names:
                members.write(write_dicom(sandbox.folder / "made.dcm", SOPInstanceUID=f"1.{len(name)}"), name)
        system.pipe(path, archive.getvalue())

    put("1.dcm", "22.dcm")
    study = sandbox.run(f"zip::memory:/{path}")
    assert statuses(study) == {"verified": 2}
    put("1.dcm", "333.dcm")
    assert statuses(study) == {"verified": 1, "missing": 1}
    assert study.run_etl(threads=2).changed
    assert statuses(study) == {"verified": 2}


def test_an_archive_that_is_none_or_stands_nowhere_is_said(sandbox: Sandbox) -> None:
    system, root = fsspec.filesystem("memory"), f"/{sandbox.folder.name}"
    system.pipe(f"{root}/b.zip", b"no archive")
    with pytest.raises(ConfigError, match="a URL that nothing here opens"):
        sandbox.run(f"zip::memory:/{root}/b.zip")
    with pytest.raises(ConfigError, match="got nothing"):
        sandbox.run(f"zip::memory:/{root}/none.zip")
    with pytest.raises(InputFileError, match="no answer"):
        sandbox.run("zip::http://127.0.0.1:9/b.zip")


@pytest.mark.parametrize("url", ["https://me:secret@example.org/pacs", "https://example.org/pacs?X-Amz-Signature=secret"])
def test_credentials_do_not_belong_into_plait_yaml(sandbox: Sandbox, url: str) -> None:
    with pytest.raises(ConfigError, match="credentials") as caught:
        sandbox.run(url)
    assert "secret" not in str(caught.value)


def test_urls_are_for_images_and_for_what_is_installed(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="a URL that nothing here opens"):
        sandbox.run("nowhere://bucket/pacs")
    settings = sandbox.folder / "plait.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("path: people", "path: s3://bucket/people"), encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a path"):
        plait.open(sandbox.folder).run_etl()


def test_times_and_tags_in_the_words_of_each_system() -> None:
    assert _found({"size": 1, "Last-Modified": "Thu, 01 Jan 1970 00:00:01 GMT", "ETag": '"a"'}) == Found(1, 1_000_000_000, "a")
    assert _found({"size": 1, "updated": "1970-01-01T00:00:01.5Z", "md5Hash": "b"}) == Found(1, 1_500_000_000, "b")
    assert _found({"size": None, "Last-Modified": "yesterday"}) == Found(None, None)


def test_names_that_lead_out_are_no_files_of_the_folder(server: Server) -> None:
    (server.folder / "pacs").mkdir()
    (server.folder / "pacs" / "index.html").write_text(
        '<a href="1.dcm">1</a><a href="../out.dcm">out</a><a href="?C=N;O=D">by name</a><a href="http://example.org/2.dcm">2</a>', encoding="utf-8"
    )
    (server.folder / "pacs" / "1.dcm").write_bytes(b"x")
    assert [name for name, _ in remote_folder(f"{server.url}/pacs").list()] == ["1.dcm"]


class Answered(Exception):  # noqa: N818 - as botocore has it
    """What botocore raises where a server of S3 says no."""

    def __init__(self, status: int) -> None:
        super().__init__("of a bucket")
        self.response = {"Error": {"Code": "of S3's own"}, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.mark.parametrize(
    ("error", "cause", "meant", "words"),
    [
        (FileNotFoundError("bucket/key"), Answered(404), FileNotFoundError, ""),
        (PermissionError("bucket/key"), Answered(403), PermissionError, ""),
        (OSError(121, "bucket/key"), Answered(503), Unreachable, "status 503"),
        (FileNotFoundError("https://example.org"), ConnectionResetError("example.org"), Unreachable, "ConnectionResetError"),
    ],
)
def test_what_a_server_of_s3_means(error: Exception, cause: Exception, meant: type[Exception], words: str) -> None:
    error.__cause__ = cause
    with pytest.raises(meant) as caught:
        _raise(error)
    assert type(caught.value) is meant
    assert str(caught.value) == words


def test_names_of_buckets_may_have_empty_parts() -> None:
    folder = remote_folder("memory://names/pacs")
    names = ("a//1.dcm", "/2.dcm", "a/", ".a/3.dcm", "a/.b//4.dcm")
    assert [folder._name(f"/names/pacs/{name}") for name in names] == ["a//1.dcm", "/2.dcm", None, None, None]  # noqa: SLF001 - memory has no such names
