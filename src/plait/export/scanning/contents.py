"""The texts of a file, whatever it is: who opens which kind, by its name and by its first bytes."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from plait.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    import polars as pl

    Opener = Callable[[Path, str], Iterator["Content"]]

_DEEPEST = 3
"""How deep an archive may stand in archives."""

_OPENERS = {
    "tables:parquet": {".parquet", ".pq"},
    "tables:delimited": {".csv", ".tsv"},
    "texts:plain": {".md", ".cff", ".sql", ".txt", ".html", ".yaml", ".yml", ".xml", ".ttl", ".toml", ".r", ".py", ".svg", ".bib"},
    "texts:notation": {".json", ".jsonld", ".ndjson", ".jsonl", ".geojson"},
    "arrays:hierarchical": {".h5ad", ".h5mu", ".h5", ".hdf5"},
    "arrays:numpy": {".npy"},
    "arrays:tensors": {".safetensors"},
    "pictures:dicom": {".dcm", ".dicom"},
    "pictures:picture": {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".svs", ".ndpi", ".bmp", ".gif"},
}
"""Function of a module of this package → suffixes of the files that it opens."""

_ZIPPED = {".zip", ".npz"}
_TARRED = {".tar", ".tgz"}


@dataclass(frozen=True, slots=True)
class Content:
    """Texts that stand in a file.

    Attributes:
        place: Where: the file, with a column or an element of it.
        texts: The texts; None where nobody can look into it.
        is_metadata: Whether they tell of the data, where the contact's address may stand.
        is_number: Whether they are whole numbers of a column that may hold identifiers.
    """

    place: str
    texts: pl.Series | None
    is_metadata: bool = False
    is_number: bool = False


def contents(path: Path, place: str, *, depth: int = 0) -> Iterator[Content]:
    """Yield the texts of a file, in pieces that fit into memory.

    Args:
        path: The file.
        place: What it is called in messages.
        depth: In how many archives it stands.
    """
    suffix = path.suffix.lower()
    if depth > _DEEPEST:
        yield Content(place, None)
    elif suffix in _ZIPPED:
        yield from _zip(path, place, depth)
    elif suffix in _TARRED or path.name.lower().endswith(".tar.gz"):
        yield from _tar(path, place, depth)
    elif suffix == ".gz":
        yield from _gzip(path, place, depth)
    else:
        try:
            yield from _opener(path)(path, place)
        except MissingExtraError:
            raise
        except Exception:  # noqa: BLE001 - whatever a damaged file makes a reader raise: nobody can look into it
            yield Content(place, None)


def _opener(path: Path) -> Opener:
    """Give what opens a file: by its suffix, else by its first bytes; text where it has none and reads as text."""
    chosen = _by_suffix().get(path.suffix.lower())
    if chosen is None:
        with path.open("rb") as stream:
            head = stream.read(132)
        chosen = "pictures:dicom" if head[128:132] == b"DICM" else "texts:unnamed"
    module, function = chosen.split(":")
    opener: Opener = getattr(import_module(f"plait.export.scanning.{module}"), function)
    return opener


@cache
def _by_suffix() -> dict[str, str]:
    return {suffix: opener for opener, suffixes in _OPENERS.items() for suffix in suffixes}


def names(place: str, texts: list[str]) -> Content:
    """Give the names of things in a file as texts."""
    import polars as pl

    return Content(place, pl.Series("name", texts, pl.String))


def _zip(path: Path, place: str, depth: int) -> Iterator[Content]:
    """Yield the texts of a zip: the names of its members, its comments, and what stands in the members."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            yield names(f"{place}, the name of a member", [one.filename for one in members])
            yield names(f"{place}, a comment", [archive.comment.decode("utf-8", "replace"), *(one.comment.decode("utf-8", "replace") for one in members)])
            for member in members:
                if not member.is_dir():
                    with archive.open(member) as stream:
                        yield from _member(stream, member.filename, place, depth)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):  # damaged, or under a password
        yield Content(place, None)


def _tar(path: Path, place: str, depth: int) -> Iterator[Content]:
    """Yield the texts of a tar likewise."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                yield names(f"{place}, the name of a member", [member.name, member.linkname, member.uname, member.gname])
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None:
                    with stream:
                        yield from _member(stream, member.name, place, depth)
    except (tarfile.TarError, OSError):
        yield Content(place, None)


def _gzip(path: Path, place: str, depth: int) -> Iterator[Content]:
    """Yield the texts of a compressed file."""
    try:
        with gzip.open(path) as stream:
            yield from _member(stream, path.stem, place, depth)
    except OSError:
        yield Content(place, None)


def _member(stream: IO[bytes] | gzip.GzipFile, name: str, place: str, depth: int) -> Iterator[Content]:
    """Yield the texts of a member of an archive, which is written to a file of its own as long as it is looked at."""
    suffixes = "".join(PurePosixPath(name).suffixes[-2:])
    with tempfile.TemporaryDirectory(prefix="plait-look-") as folder:
        file = Path(folder) / f"member{suffixes.replace('/', '')}"
        with file.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        yield from contents(file, f"{place}!{name}", depth=depth + 1)
