"""`plait verify`: whether the files of the images are still there, and what they were when they were indexed.

What a check of a file finds follows from the file and from what the last check found. It is kept while the work goes on,
so that a check that was stopped is taken up where it was.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import posixpath
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from plait.duck import parquet, sql, write_parquet
from plait.errors import PlaitError, StudyError
from plait.etl.catalog import build_catalog, checks_file, open_catalog
from plait.etl.commit import locked, writing
from plait.etl.images.files import ImageFiles, is_elsewhere
from plait.etl.sources.listing import list_folder
from plait.etl.sources.remote import NotOpenable, forget
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import duckdb

    from plait.etl.commit import Version
    from plait.progress import Progress
    from plait.settings import Settings

T = TypeVar("T")
R = TypeVar("R")
Status = Literal["verified", "changed", "missing", "moved", "unreadable", "not_checked"]

FAILED = ("changed", "missing", "unreadable")
"""What fails a check."""
_LISTED = 20
"""Files of a status that are named."""
_PAGE = 4096
_BATCH_FILES, _BATCH_BYTES = 32, 64 << 20
"""Most files of a task, and bytes beyond which it takes no further one."""
_WAITING = 4
"""Tasks per thread that are handed out."""
_BLOCK_BYTES = 1 << 20
_SAVED_SECONDS = 30.0
_TRIED = 20
"""Files of one name and size that are read to find the one that moved."""


class Check(NamedTuple):
    """What is known of a file: how it was indexed, and what was found; `sha256` is that of what it was when it was first read."""

    source: str
    uri: str
    indexed_bytes: int | None
    indexed_ns: int | None
    size_bytes: int | None
    mtime_ns: int | None
    sha256: str | None
    status: Status | None
    moved_to: str | None
    checked_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Files of one status, and their bytes as far as they are known."""

    status: Status
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found.

    Attributes:
        statuses: Files by status.
        files: The first files of the statuses `changed`, `missing`, `moved` and `unreadable`: `status`, `source`, `uri` and `moved_to`.
        notes: Why files were not checked.
    """

    statuses: tuple[Sum, ...]
    files: tuple[dict[str, str | None], ...]
    notes: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether no file is changed, missing or unreadable."""
        return not any(found.status in FAILED for found in self.statuses)


@dataclass
class _Job:
    """A check that is under way, on several threads."""

    roots: dict[str, Path | str]
    rehash: bool
    notes: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self, batch: Sequence[Check]) -> list[Check]:
        """Check some files of one source, one after the other."""
        with ImageFiles(self.roots[batch[0].source]) as files:
            return [self._checked(files, last) for last in batch]

    def _checked(self, files: ImageFiles, last: Check) -> Check:
        """Give what is known of a file now."""
        now = last._replace(moved_to=None, checked_at=_now())
        try:
            found = files.find(last.uri)
            if last.indexed_ns is not None and found.size_bytes != last.indexed_bytes:
                return now._replace(size_bytes=found.size_bytes, mtime_ns=found.mtime_ns, status="changed")
            if not self.rehash and last.sha256 and last.status in {"verified", "changed"} and found[:2] == (last.size_bytes, last.mtime_ns):
                return last
            sha256, size_bytes = self._hash(files, last.uri)
        except (FileNotFoundError, NotADirectoryError):
            return now._replace(status="missing")
        except NotOpenable as error:
            self.notes.update([error.todo] if error.todo else [])
            return now._replace(status="not_checked")
        except Exception:  # noqa: BLE001 - systems, archives and servers raise what they like, with paths in it
            return now._replace(status="unreadable")
        known = last.sha256 or sha256
        return now._replace(size_bytes=size_bytes, mtime_ns=found.mtime_ns, sha256=known, status="verified" if known == sha256 else "changed")

    def _hash(self, files: ImageFiles, uri: str) -> tuple[str, int]:
        """Read a file: its SHA-256, and how long it is."""
        digest, size_bytes = hashlib.sha256(), 0
        with files.open(uri) as file:
            while block := file.read(_BLOCK_BYTES):
                if self.stop.is_set():
                    raise KeyboardInterrupt
                digest.update(block)
                size_bytes += len(block)
        return digest.hexdigest(), size_bytes

    def search(self, batch: Sequence[tuple[Check, list[str]]]) -> list[Check]:
        """Look for some files that are missing at places where they might be now, and give those that are."""
        with ImageFiles(self.roots[batch[0][0].source]) as files:
            return [moved for last, places in batch if (moved := self._sought(files, last, places))]

    def _sought(self, files: ImageFiles, last: Check, places: list[str]) -> Check | None:
        """Give a missing file as moved where it stands at one of `places`, the likeliest first; None where it does not."""
        found = [place for place in places if _size(files, place) == last.indexed_bytes][:_TRIED]
        if last.sha256 is None:  # the place that has most of the path, if there is one
            alike = [_alike(last.uri, place) for place in found]
            place = found[0] if found and alike.count(max(alike)) == 1 else None
        else:
            place = next((place for place in found if self._digest(files, place) == last.sha256), None)
        return None if place is None else last._replace(status="moved", moved_to=place)

    def _digest(self, files: ImageFiles, place: str) -> str | None:
        """Give the SHA-256 of a file, None where it cannot be read."""
        try:
            return self._hash(files, place)[0]
        except Exception:  # noqa: BLE001 - as above
            return None

    def in_threads(self, threads: int, function: Callable[[Sequence[T]], list[R]], batches: Iterable[Sequence[T]]) -> Iterator[list[R]]:
        """Yield `function(batch)` for each batch, in order, a few ahead; where it ends early, what is under way stops."""
        with ThreadPoolExecutor(threads, "plait") as pool:
            waiting: deque[Future[list[R]]] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(function, batch))
                    if len(waiting) >= _WAITING * threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:
                self.stop.set()
                for future in waiting:
                    future.cancel()
                raise


def verify(study: Path, version: Version, settings: Settings, *, rehash: bool = False, threads: int | None = None, progress: Progress) -> Verified:
    """Check every file of the images of a version, and keep what was found.

    Args:
        study: The study's folder.
        version: The version whose files are checked.
        settings: Say where the sources are.
        rehash: Read files whose size and time are unchanged, too.
        threads: Files that are read side by side; as many as there are cores if None.
        progress: Hears of files that were checked.

    Raises:
        StudyError: Another check is under way, or what the last one kept is damaged.
    """
    kept = checks_file(study)
    forget()
    with locked(study, kept.parent), open_catalog(study, version) as con:
        last = f"FROM {parquet(kept)}" if kept.is_file() else sql("plait.etl.images", "no_checks")
        con.execute(f"CREATE TEMP VIEW last_check AS {last}")
        con.execute(sql("plait.etl.images", "checks"))
        job = _Job({source.name: source.url or source.path for source in settings.sources}, rehash)
        try:
            _check_all(con, job, threads or os.cpu_count() or 1, lambda: _keep(con, kept), progress)
        finally:
            job.stop.set()
            _keep(con, kept)
        found = _summed(con, job)
    with suppress(StudyError), writing(study):  # a run does it at its end
        build_catalog(study, version)
    return found


def reachable(con: duckdb.DuckDBPyConnection, image_occurrence_id: int) -> Reason | None:
    """Give OBSERVED, or UNREACHABLE where the last check found a file of an image changed, missing, moved or unreadable; None of no image.

    Args:
        con: A connection to a study, as `plait.Study.connect` gives it.
        image_occurrence_id: The image.
    """
    row = con.execute(sql("plait.etl.images", "image_reason"), {"image": image_occurrence_id}).fetchone()
    return None if row is None else Reason.UNREACHABLE if row[1] else Reason.OBSERVED


def _check_all(con: duckdb.DuckDBPyConnection, job: _Job, threads: int, keep: Callable[[], None], progress: Progress) -> None:
    """Check all files of `to_check` and put what is found into `checked`, then look for those that are missing."""
    saved = time.monotonic()
    for found in chain(_without_source(con, job), job.in_threads(threads, job.check, _batches(con, job))):
        _insert(con, found)
        progress("verify", len(found))
        if time.monotonic() - saved > _SAVED_SECONDS:
            keep()
            saved = time.monotonic()
    for source, root in job.roots.items():
        query = "FROM checked WHERE status = 'missing' AND source = $source ORDER BY uri"
        missing = [last for last in map(Check._make, con.execute(query, {"source": source}).fetchall()) if not is_elsewhere(last.uri)]
        for found in job.in_threads(threads, job.search, _places(con, root, missing)):
            _insert(con, found, "moved")
    con.execute(sql("plait.etl.images", "moves"))


def _without_source(con: duckdb.DuckDBPyConnection, job: _Job) -> Iterator[list[Check]]:
    """Yield, as not checked, the files of sources that are no longer in `plait.yaml`; note sources whose path is not there."""
    for (source,) in con.execute("SELECT DISTINCT source FROM to_check ORDER BY 1").fetchall():
        if source not in job.roots:
            job.notes[f"plait.yaml has no source {source} any more"] += 1
            rows = con.execute("FROM to_check WHERE source = $source", {"source": source}).fetchall()
            yield [Check._make(row)._replace(status="not_checked", checked_at=_now()) for row in rows]
        elif isinstance(root := job.roots[source], Path) and not root.exists():
            job.notes[f"the path of source {source} is not there"] += 1


def _batches(con: duckdb.DuckDBPyConnection, job: _Job) -> Iterator[list[Check]]:
    """Yield the files to check, in order, some of one source at a time."""
    batch: list[Check] = []
    size, start = 0, 0
    while rows := con.execute("FROM to_check WHERE rowid >= $start AND rowid < $end ORDER BY rowid", {"start": start, "end": start + _PAGE}).fetchall():
        start += _PAGE
        for last in map(Check._make, rows):
            if last.source not in job.roots:
                continue
            if batch and (len(batch) >= _BATCH_FILES or size > _BATCH_BYTES or last.source != batch[0].source):
                yield batch
                batch, size = [], 0
            batch.append(last)
            size += last.indexed_bytes or 0
    if batch:
        yield batch


def _places(con: duckdb.DuckDBPyConnection, root: Path | str, missing: list[Check]) -> Iterator[list[tuple[Check, list[str]]]]:
    """Yield missing files with the places below `root` of the same name that are no image's own, those first that have most of the path."""
    if not missing or (isinstance(root, Path) and not root.exists()):
        return
    try:
        entries = list_folder(root if isinstance(root, str) or root.is_dir() else root.parent).entries
    except PlaitError:  # a server that lists nothing, or nothing any more: nothing moved
        return
    names = {_name(last.uri) for last in missing}
    standing: dict[str, list[str]] = {}
    for entry in entries:
        if not entry.is_outside and (name := posixpath.basename(entry.name)) in names:
            standing.setdefault(name, []).append(entry.name)
    known = {uri for (uri,) in con.execute("SELECT uri FROM to_check WHERE source = $source", {"source": missing[0].source}).fetchall() if _name(uri) in names}
    for last in missing:
        member = "".join(last.uri.partition("!")[1:])
        places = sorted(place for name in standing.get(_name(last.uri), []) if (place := name + member) not in known)
        if places:
            yield [(last, sorted(places, key=partial(_alike, last.uri), reverse=True))]


def _name(uri: str) -> str:
    """Give the name of a file, or that of its archive."""
    return posixpath.basename(uri.partition("!")[0])


def _alike(one: str, other: str) -> int:
    """Count the parts of two paths that are the same, from the end on."""
    pairs = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left != right), min(one.count("/"), other.count("/")) + 1)


def _size(files: ImageFiles, place: str) -> int | None:
    """Give the size of a file, -1 where it cannot be told."""
    try:
        return files.find(place).size_bytes
    except Exception:  # noqa: BLE001 - as above
        return -1


def _insert(con: duckdb.DuckDBPyConnection, found: Sequence[Check], table: Literal["checked", "moved"] = "checked") -> None:
    """Put what was found into a table."""
    import pyarrow as pa

    if not found:
        return

    columns: list[Any] = list(zip(*found, strict=True))
    types = (pa.string(), pa.string(), *[pa.int64()] * 4, *[pa.string()] * 3, pa.timestamp("us"))
    block = pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names=list(Check._fields))
    con.register("found", block)
    con.execute(f"INSERT INTO {table} FROM found")
    con.unregister("found")


def _keep(con: duckdb.DuckDBPyConnection, kept: Path) -> None:
    """Write what is known, all at once."""
    write_parquet(con, sql("plait.etl.images", "checks_kept"), kept)


def _summed(con: duckdb.DuckDBPyConnection, job: _Job) -> Verified:
    """Give the sums, and the first files of each status."""
    statuses = tuple(Sum(*row) for row in con.execute(sql("plait.etl.images", "checks_summed")).fetchall())
    listed = con.execute(sql("plait.etl.images", "checks_listed"), {"most": _LISTED}).fetchall()
    files = tuple(dict(zip(("status", "source", "uri", "moved_to"), row, strict=True)) for row in listed)
    return Verified(statuses, files, tuple(sorted(job.notes)))


def _now() -> dt.datetime:
    """Give the time in UTC, as the tables hold it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
