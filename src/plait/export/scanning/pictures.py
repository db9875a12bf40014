"""Texts of pictures: every element of a DICOM header, metadata of PNG, JPEG and TIFF. Pixels are not looked at."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

from plait.errors import MissingExtraError
from plait.export.scanning.contents import Content, names
from plait.export.scanning.finder import SHORTEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LONGEST_BYTES = 1 << 16
"""Bytes of a binary element from which on it is data, and no text."""

_PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData", "OverlayData", "WaveformData", "SpectroscopyData", "EncapsulatedDocument"})
_NUMBER = re.compile(r"[+-]?\d*\.?\d*([eE][+-]?\d+)?")
_OPAQUE = frozenset({"EncapsulatedDocument"})


def _need(package: str, place: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(place, expected=package, got="none", todo="pip install 'plait[imaging]'.")


def dicom(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts of a DICOM header, nested elements and private ones included.

    Raises:
        MissingExtraError: `pydicom` is not installed.
    """
    _need("pydicom", place)
    import pydicom

    read = pydicom.dcmread(path, stop_before_pixels=True)
    for data in (read.file_meta, read):
        for keyword, texts in _elements(data):
            if keyword in _OPAQUE:
                yield Content(f"{place}, {keyword}", None)
            yield names(f"{place}, {keyword}", texts)
    with path.open("rb") as stream:
        yield names(f"{place}, preamble", [stream.read(128).replace(b"\0", b"").decode("latin-1")])


def _elements(data: Any) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401 - pydicom has no types
    """Yield (keyword, its texts) of each element of a data set and of those in its sequences."""
    for element in data or ():
        keyword = element.keyword or f"element {element.tag}"
        if element.VR == "SQ":
            for item in element.value or ():
                yield from _elements(item)
        elif keyword in _OPAQUE or keyword not in _PIXELS:
            yield keyword, [text for text in _values(element.value) if not _is_measure(text)]


def _is_measure(text: str) -> bool:
    """Tell whether a text is a measure or a small number, as new ids are; a whole number of many digits may be an identifier."""
    return not (text.isdecimal() and len(text) >= SHORTEST_NUMBER) and _NUMBER.fullmatch(text) is not None


def _values(value: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the values of an element as texts."""
    from pydicom.valuerep import PersonName

    if isinstance(value, bytes):
        if len(value) <= _LONGEST_BYTES:
            yield value.replace(b"\0", b"").decode("utf-8", "replace")
    elif isinstance(value, str | PersonName) or not hasattr(value, "__iter__"):
        yield str(value)
    else:
        for one in value:
            yield from _values(one)


def picture(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts that a picture carries beside its pixels.

    Raises:
        MissingExtraError: Pillow or tifffile is not installed.
    """
    if path.suffix.lower() in {".tif", ".tiff", ".svs", ".ndpi"}:
        yield from _tiff(path, place)
        return
    _need("PIL", place)
    from PIL import ExifTags, Image

    with Image.open(path) as image:
        image.load()
        found = [text for key, value in image.info.items() for text in (str(key), *_said(value))]
        found += [text for value in image.getexif().values() for text in _said(value)]
        found += [text for block in ExifTags.IFD for value in image.getexif().get_ifd(block).values() for text in _said(value)]
    yield names(f"{place}, metadata", found)


def _tiff(path: Path, place: str) -> Iterator[Content]:
    """Yield the texts in the tags of each page of a TIFF."""
    _need("tifffile", place)
    import tifffile

    with tifffile.TiffFile(path) as file:
        for series in (file.pages, *(page.pages for page in file.pages if getattr(page, "pages", None))):
            for page in series or ():
                yield names(f"{place}, metadata", [text for tag in getattr(page, "tags", ()) for text in _said(tag.value)])


def _said(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a tag holds
    """Yield the texts in a value of metadata; arrays of numbers have none."""
    if isinstance(value, bytes):
        if len(value) <= _LONGEST_BYTES:
            yield value.decode("utf-8", "replace").replace("\0", "")
    elif isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            for one in pair:
                yield from _said(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _said(one)
