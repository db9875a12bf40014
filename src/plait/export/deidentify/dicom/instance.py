"""A DICOM file, read and written without its pixels in memory: its header is cleaned, its pixels are copied as they are, or blanked.

What stands behind the pixels (padding, digital signatures, private groups) is left out.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from plait.export.deidentify.dicom.blank import Blank, NotBlankable
from plait.export.deidentify.dicom.dataset import Subject, clean, tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

_PIXELS, _PIXEL_DATA = 0x7FE0, 0x0010
_COPIED = frozenset({0x0001, 0x0002, 0x0003, 0x0008, 0x0009, 0x0010})
"""Elements of the group of pixels: offsets and lengths of frames, and pixels of each kind."""
_LONG_VR = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_UNDEFINED = 0xFFFFFFFF
_DEFLATED = "1.2.840.10008.1.2.1.99"
_NATIVE = {(True, True): "1.2.840.10008.1.2", (False, True): "1.2.840.10008.1.2.1", (False, False): "1.2.840.10008.1.2.2"}
"""Transfer syntaxes without compression, by (VR implicit, little endian)."""
_IMPLEMENTATION, _VERSION = "2.25.205857331384218146393147562226317823161", "PLAIT"
"""Who wrote a file (DICOM PS3.10, 7.1)."""
_META_BYTES = 144
"""Preamble, mark, and the element with the length of the rest of the file meta information (DICOM PS3.10, 7.1)."""
_BLOCK_BYTES = 1 << 20
_MOST_BYTES = 1 << 30
"""Most bytes that a deflated header unpacks to."""
_QUIETLY = threading.RLock()


class Broken(Exception):  # noqa: N818 - a reason, which the export tells
    """A file is no DICOM that can be read to its end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose header was read.

    Attributes:
        header: Its attributes before its pixels.
        body: A stream that stands where the pixels begin, or at its end.
        is_deflated: Whether the file itself is compressed; the stream is not.
    """

    header: Dataset
    body: BinaryIO
    is_deflated: bool

    @property
    def is_implicit(self) -> bool:
        """Whether kinds of values are not written."""
        return bool(self.header.original_encoding[0])

    @property
    def order(self) -> str:
        """The order of bytes, as `struct` has it."""
        return "<" if self.header.original_encoding[1] else ">"


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file and read its header.

    Raises:
        Broken: It is no DICOM that can be read.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset, read_file_meta_info, read_partial

    header: Dataset
    body: BinaryIO
    with path.open("rb") as file, TemporaryFile() as inflated, quietly():
        with _read_or_broken():
            syntax = _syntax(path)
            if syntax == _DEFLATED:
                meta = read_file_meta_info(path)
                _inflate(file, _META_BYTES + int(meta.FileMetaInformationGroupLength), inflated)
                body = cast("BinaryIO", inflated)
                header = read_dataset(body, is_implicit_VR=False, is_little_endian=True, stop_when=_at_pixels)
                header.file_meta = FileMetaDataset(meta)
            else:
                header, body = read_partial(file, _at_pixels, force=True), file
        yield Opened(header, body, syntax == _DEFLATED)


def write_instance(path: Path, target: Path, subject: Subject, *, blank: bool) -> str:
    """Write a file without what identifies, and give the UID that it is known by now.

    Args:
        path: The file.
        target: The new file.
        subject: Whose it is.
        blank: Whether to blank what is outside of the regions of an ultrasound.

    Raises:
        Broken: It is no DICOM that can be read to its end.
        NotBlankable: Nobody knows where text may be in its pixels.
    """
    with opened(path) as source, target.open("wb") as file, quietly():
        header = source.header
        blanked = Blank.of(header, source.order) if blank else None
        with _read_or_broken():
            clean(header, subject)
            tell(header, subject, is_blanked=blank)
            _write_meta(file, source)
        sink: _Sink = _Deflating(file) if source.is_deflated else file
        with _read_or_broken():
            sink.write(_encoded(source))
        _copy_pixels(source, sink, blanked)
        if isinstance(sink, _Deflating):
            sink.finish()
        return str(header.get("SOPInstanceUID", ""))


@contextmanager
def quietly() -> Iterator[None]:
    """Hold back what pydicom would say of values that it finds strange: they are a person's."""
    from pydicom import config

    log = logging.getLogger("pydicom")
    with _QUIETLY, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        was = log.level, config.settings.reading_validation_mode, config.settings.writing_validation_mode
        log.setLevel(logging.CRITICAL)
        config.settings.reading_validation_mode = config.settings.writing_validation_mode = config.IGNORE
        try:
            yield
        finally:
            log.setLevel(was[0])
            config.settings.reading_validation_mode, config.settings.writing_validation_mode = was[1:]


@contextmanager
def _read_or_broken() -> Iterator[None]:
    """Make one error of what pydicom raises, whose messages have values in them."""
    try:
        yield
    except (OSError, MemoryError, Broken, NotBlankable):
        raise
    except Exception:  # noqa: BLE001 - it raises what it likes
        raise Broken from None


def _at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >> 16 == _PIXELS


def _syntax(path: Path) -> str:
    """Give the transfer syntax that a file names, empty where it names none."""
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        return str(read_file_meta_info(path).get("TransferSyntaxUID", "")).strip()
    except InvalidDicomError:
        return ""


def _inflate(file: BinaryIO, start: int, target: IO[bytes]) -> None:
    """Unpack what is deflated from a place on, and go to its beginning."""
    file.seek(start)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    while block := file.read(_BLOCK_BYTES):
        while block:
            target.write(unpacker.decompress(block, _BLOCK_BYTES))
            block = unpacker.unconsumed_tail
        if target.tell() > _MOST_BYTES:
            raise Broken
    target.write(unpacker.flush())
    target.seek(0)


class _Deflating:
    """A file that is written compressed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._packer = file, zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self._file.write(self._packer.compress(data))

    def finish(self) -> None:
        """Write what is left, to an even number of bytes."""
        self._file.write(self._packer.flush())
        if self._file.tell() % 2:
            self._file.write(b"\0")


def _write_meta(file: BinaryIO, source: Opened) -> None:
    """Write an empty preamble and the file meta information, which names neither the sender nor the program that wrote the original."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID

    header = source.header
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", "")).strip()
    if syntax in {"", *_NATIVE.values()}:
        syntax = _NATIVE[source.is_implicit, source.order == "<"]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID, meta.ImplementationVersionName = UID(_IMPLEMENTATION), _VERSION
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(cast("Any", file), meta, enforce_standard=True)


def _encoded(source: Opened) -> bytes:
    """Give the header's bytes, in the encoding that it was read in."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = source.is_implicit, source.order == "<"
    write_dataset(buffer, source.header)
    return bytes(buffer.getvalue())


def _copy_pixels(source: Opened, sink: _Sink, blank: Blank | None) -> None:
    """Copy the elements of the group of pixels as they stand, block by block.

    Raises:
        Broken: They go on beyond the end of the file.
    """
    body, order = source.body, source.order
    while len(tag := body.read(4)) == 4:  # noqa: PLR2004 - group and element
        group, element = struct.unpack(f"{order}HH", tag)
        if group != _PIXELS:
            return
        vr, length = _kind_and_length(body, order)
        to = sink if element in _COPIED else _Nowhere()
        to.write(tag + _head(vr or _guessed(source.header, element, length), length, source))
        if length == _UNDEFINED:
            _copy_items(body, to, order)
        elif blank is not None and element == _PIXEL_DATA:
            blank.copy(body, to, length)
        else:
            _copy(body, to, length)


def _kind_and_length(body: BinaryIO, order: str) -> tuple[bytes, int]:
    """Read what an element is and how long; some files do not write the former, though they say that they do."""
    head = _exactly(body, 4)
    if head[:2] in _LONG_VR:
        return head[:2], struct.unpack(f"{order}I", _exactly(body, 4))[0]
    if head[0] % 2 and head[:2].isalpha() and head[:2].isupper():  # a length is even
        return head[:2], struct.unpack(f"{order}H", head[2:])[0]
    return b"", struct.unpack(f"{order}I", head)[0]


def _guessed(header: Dataset, element: int, length: int) -> bytes:
    """Give what an element of the pixels is, where a file does not say so (DICOM PS3.5, A)."""
    if element == _PIXEL_DATA:
        return b"OW" if length != _UNDEFINED and int(header.get("BitsAllocated") or 0) > 8 else b"OB"  # noqa: PLR2004 - a byte
    return {0x0003: b"UV", 0x0008: b"OF", 0x0009: b"OD"}.get(element, b"OV")


def _head(vr: bytes, length: int, source: Opened) -> bytes:
    """Give what stands between the tag of an element and its value."""
    if source.is_implicit:
        return struct.pack(f"{source.order}I", length)
    return vr + (struct.pack(f"{source.order}HI", 0, length) if vr in _LONG_VR else struct.pack(f"{source.order}H", length))


class _Nowhere:
    def write(self, data: bytes) -> None:
        """Take bytes, and forget them."""


def _copy_items(body: BinaryIO, sink: _Sink, order: str) -> None:
    """Copy fragments, to the mark that ends them (DICOM PS3.5, A.4)."""
    while True:
        head = _exactly(body, 8)
        group, element, length = struct.unpack(f"{order}HHI", head)
        sink.write(head)
        if (group, element) == (0xFFFE, 0xE0DD):
            return
        if (group, element) != (0xFFFE, 0xE000) or length == _UNDEFINED:
            raise Broken
        _copy(body, sink, length)


def _copy(body: BinaryIO, sink: _Sink, length: int) -> None:
    while length:
        block = body.read(min(length, _BLOCK_BYTES))
        if not block:
            raise Broken
        sink.write(block)
        length -= len(block)


def _exactly(body: BinaryIO, length: int) -> bytes:
    found = body.read(length)
    if len(found) < length:
        raise Broken
    return found
