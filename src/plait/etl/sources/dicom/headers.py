"""What the header of a DICOM file says, read without its pixels, for many files in processes side by side.

Only the attributes named here are read: private ones, and names, birth dates and addresses of patients, are not. What is in
a ZIP archive is read where it stands.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import struct
import threading
import warnings
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from plait.etl.sources.dicom.content import code_of, features_of, listed, plain, referenced, text_of
from plait.etl.sources.imaging import need_imaging
from plait.etl.sources.remote import HEAD_BYTES, Unreachable, begun, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from plait.etl.sources.headers import Record
    from plait.etl.sources.listing import Entry

TEXTS = {
    "sop_class": "SOPClassUID",
    "instance": "SOPInstanceUID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "patient": "PatientID",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "acquisition_date": "AcquisitionDate",
    "acquisition_time": "AcquisitionTime",
    "content_date": "ContentDate",
    "content_time": "ContentTime",
    "structure_set_date": "StructureSetDate",
    "structure_set_time": "StructureSetTime",
    "accession": "AccessionNumber",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "burned_in": "BurnedInAnnotation",
    "image_type": "ImageType",
    "manufacturer": "Manufacturer",
    "container": "ContainerIdentifier",
}
"""Column of a record → the attribute of its text (PS3.3)."""

NUMBERS = {
    "slice_thickness": ("SliceThickness", "mm"),
    "slice_spacing": ("SpacingBetweenSlices", "mm"),
    "kvp": ("KVP", "kV"),
    "tube_current": ("XRayTubeCurrent", "mA"),
    "field_strength": ("MagneticFieldStrength", "T"),
    "repetition_time": ("RepetitionTime", "ms"),
    "echo_time": ("EchoTime", "ms"),
    "flip_angle": ("FlipAngle", "deg"),
}
"""Column of a record → the attribute of a number, and its unit (PS3.3)."""

_GEOMETRY = ("Rows", "Columns", "NumberOfFrames", "PixelSpacing", "ImageOrientationPatient", "TotalPixelMatrixRows", "TotalPixelMatrixColumns")
_SEQUENCES = (
    "ProcedureCodeSequence",
    "AnatomicRegionSequence",
    "SegmentSequence",
    "ReferencedSeriesSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "ReferencedFrameOfReferenceSequence",
    "StructureSetROISequence",
    "RTROIObservationsSequence",
    "ContentSequence",
    "DirectoryRecordSequence",
)
COLUMNS = (
    "name",
    "size_bytes",
    "mtime_ns",
    *TEXTS,
    *NUMBERS,
    "procedure_code",
    "procedure_scheme",
    "site_code",
    "site_scheme",
    "derived_from",
    "geometry",
    "features",
    "listed",
)
"""Columns of a record, all text."""

_DICOMDIR = "1.2.840.10008.1.3.10"
_PIXELS = 0x7FE0
_LONG_VR = frozenset({b"OB", b"OW", b"OF", b"OD", b"OV", b"OL", b"UN"})
_MOST_BYTES = 64 << 20
"""Longest header that is read: what unpacks to more is no header."""
_MOST_ELEMENTS, _MOST_READS = 20_000, 1_000_000
"""Most elements of a header at its top, where a few hundred are usual, and most reads of it: zeros without end are elements of no length."""
_UNDEFINED = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5, 7.1)."""
_MOST_FEATURES = 1000
_MANY = 256
"""Files from which on it is worth while to start other processes."""
_BATCH = 512
_BEGUN = 64
"""Files at a URL whose first bytes are in memory."""
_QUIETLY = threading.Lock()


@dataclass(frozen=True, slots=True)
class Work:
    """Some files of one folder to read."""

    folder: str
    entries: tuple[Entry, ...]


def read_all(folder: str, entries: Sequence[Entry]) -> Iterator[list[Record]]:
    """Yield the records of each file of a folder, a path or a URL, in their order: one, or of an archive one for each member.

    Raises:
        Unreachable: A server does not answer.
        MissingExtraError: pydicom is not installed.
    """
    from plait.etl.executor import LocalProcesses

    need_imaging("DICOM files")
    work = [Work(folder, tuple(entries[start : start + _BATCH])) for start in range(0, len(entries), _BATCH)]
    for some in map(read_some, work) if len(entries) < _MANY else LocalProcesses(os.cpu_count() or 1).run(work, read_some):
        yield from some


def read_some(work: Work) -> list[list[Record]]:
    """Give the records of each of some files."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # it would say what is in a header
    with _QUIETLY, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [list(records_of(work.folder, entry)) for entry in work.entries] if not is_url(work.folder) else list(_elsewhere(work))


def _elsewhere(work: Work) -> Iterator[list[Record]]:
    """Yield the records of each of some files at a URL."""
    for start in range(0, len(work.entries), _BEGUN):
        some = work.entries[start : start + _BEGUN]
        for entry, file in zip(some, begun(work.folder, [(entry.name, max(0, entry.size_bytes)) for entry in some]), strict=True):
            with file:
                yield list(_records(cast("BinaryIO", file), entry))


def records_of(folder: str, entry: Entry) -> Iterator[Record]:
    """Yield the record of a file, or those of an archive's members."""
    path = os.path.join(folder, entry.name)  # noqa: PTH118 - many files
    if entry.is_outside:
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "outside_folder")
        return
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            yield from _records(file, entry)
    except FileNotFoundError:
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "vanished")
    except OSError:
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "unreadable")


def _records(file: BinaryIO, entry: Entry) -> Iterator[Record]:
    """Yield the record of an open file, or those of an archive's members."""
    if entry.size_bytes < 0:  # a server that does not tell how long it is
        yield _faulty(entry.name, 0, entry.mtime_ns, "unreadable")
        return
    try:
        if file.read(4) == b"PK\x03\x04":
            yield from _members(file, entry)
            return
        yield _record(_Limited(file, math.inf), entry.name, entry.size_bytes, entry.mtime_ns)
    except Unreachable:
        raise
    except FileNotFoundError:
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "vanished")
    except OSError:
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "unreadable")


def _members(file: BinaryIO, entry: Entry) -> Iterator[Record]:
    """Yield a record for each file of a ZIP archive; nothing of it is unpacked to disk."""
    try:
        archive = zipfile.ZipFile(file)
    except Unreachable:
        raise
    except (zipfile.BadZipFile, OSError):
        yield _faulty(entry.name, entry.size_bytes, entry.mtime_ns, "broken_archive")
        return
    with archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            name = f"{entry.name}!{member.filename}"
            if member.flag_bits & 1:
                yield _faulty(name, member.file_size, entry.mtime_ns, "encrypted")
                continue
            try:
                with archive.open(member) as stream:
                    yield _record(_Limited(stream, _MOST_BYTES), name, member.file_size, entry.mtime_ns)
            except Unreachable:
                raise
            except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError):
                yield _faulty(name, member.file_size, entry.mtime_ns, "broken_archive")


class _TooLongError(Exception):
    """A header is longer than headers are."""


class _Limited:
    """A file that may be read as often as a header needs; a member of an archive as far as a header reaches, too."""

    def __init__(self, stream: IO[bytes], most_bytes: float) -> None:
        self.stream, self.most_bytes, self.reads = stream, most_bytes, 0
        self.name = ""
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        self.reads += 1
        if self.reads > _MOST_READS or size < 0 or size > _MOST_BYTES or (self.most_bytes < math.inf and self.tell() + size > self.most_bytes):
            raise _TooLongError
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place that is not too far."""
        if self.most_bytes < math.inf and (whence == os.SEEK_END or offset + (self.tell() if whence == os.SEEK_CUR else 0) > self.most_bytes):
            raise _TooLongError
        return self.stream.seek(offset, whence)

    def close(self) -> None:
        """Leave closing to whoever opened it."""


def _record(file: _Limited, name: str, size_bytes: int, mtime_ns: int) -> Record:
    """Give the record of an open file."""
    if size_bytes == 0:
        return _faulty(name, size_bytes, mtime_ns, "empty_file")
    try:
        header, has_preamble, is_cut = _read(file, size_bytes)
    except _TooLongError:
        return _faulty(name, size_bytes, mtime_ns, "header_too_long")
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises what it likes for what is no DICOM
        return _faulty(name, size_bytes, mtime_ns, "not_dicom")
    try:
        values = _values(header)
    except Exception:  # noqa: BLE001 - likewise for values that are none
        return _faulty(name, size_bytes, mtime_ns, "unreadable_header")
    fault = _fault(values, has_preamble=has_preamble, is_cut=is_cut)
    return (name, str(size_bytes), str(mtime_ns), *(values[key] for key in COLUMNS[3:]), fault)


def _fault(values: dict[str, str | None], *, has_preamble: bool, is_cut: bool) -> str | None:
    """Give what is wrong with a header that could be read."""
    if values["sop_class"] == _DICOMDIR:
        return None
    if values["series"] and values["study"]:
        return "truncated_dicom" if is_cut else None
    if has_preamble or values["sop_class"] or values["series"] or values["study"]:
        return "missing_uid"
    return "not_dicom"


def _faulty(name: str, size_bytes: int, mtime_ns: int, fault: str) -> Record:
    return (name, str(size_bytes), str(mtime_ns), *(None for _ in COLUMNS[3:]), fault)


def _read(file: _Limited, size_bytes: int) -> tuple[Dataset, bool, bool]:
    """Give a file's header, whether it begins as DICOM files do, and whether its pixels go on beyond the end of the file.

    Most headers stand in the first bytes, and are read from memory; where one goes on, the file itself is read.
    """
    file.seek(0)
    head = file.read(min(size_bytes, HEAD_BYTES))
    has_preamble = head[128:132] == b"DICM"
    stop = _Stop()
    if len(head) < size_bytes:
        with suppress(Exception):
            found = _parsed(io.BytesIO(head), stop, force=not has_preamble)
            if stop.is_at_pixels:
                return found[0], has_preamble, _is_cut(found[1], found[0], size_bytes)
        file.seek(0)
        source: BinaryIO = cast("BinaryIO", file)
    else:
        source = io.BytesIO(head)
    header, at = _parsed(source, _Stop(), force=not has_preamble)
    return header, has_preamble, _is_cut(at, header, size_bytes)


def _parsed(source: BinaryIO, stop: _Stop, *, force: bool) -> tuple[Dataset, BinaryIO]:
    """Read a header, and leave its source at the place where reading stopped."""
    from pydicom.filereader import read_partial

    return read_partial(source, stop, specific_tags=list(_tags().values()), force=force), source


class _Stop:
    """Tells when to stop: at the pixels, or where there are more elements than a header has."""

    def __init__(self) -> None:
        self.elements, self.is_at_pixels = 0, False

    def __call__(self, tag: int, _vr: str | None, _length: int) -> bool:
        self.elements += 1
        if self.elements > _MOST_ELEMENTS:
            raise _TooLongError
        self.is_at_pixels = tag >> 16 == _PIXELS
        return self.is_at_pixels


def _is_cut(file: BinaryIO, header: Dataset, size_bytes: int) -> bool:
    """Tell whether the element at which reading stopped, that of the pixels, is longer than what is left of the file."""
    if header.file_meta.get("TransferSyntaxUID", "") == "1.2.840.10008.1.2.1.99":  # deflated: its places are not the file's
        return False
    is_implicit, is_little = header.original_encoding
    order = "<" if is_little else ">"
    place = file.tell()
    head = file.read(12)
    if len(head) < 12 or struct.unpack(f"{order}H", head[:2])[0] != _PIXELS:  # noqa: PLR2004 - a tag, what it is, and its length
        return False
    is_long = not is_implicit and head[4:6] in _LONG_VR
    length = struct.unpack(f"{order}I", head[8:12] if is_long else head[4:8])[0]
    return bool(length != _UNDEFINED and place + (12 if is_long else 8) + length > size_bytes)


def _values(header: Dataset) -> dict[str, str | None]:
    """Give the values of a record by column."""
    tags, present = _tags(), header.keys()
    values = {column: _raw_text(header, tags[attribute]) if tags[attribute] in present else None for column, attribute in TEXTS.items()}
    values["sop_class"] = values["sop_class"] or text_of(header.file_meta.get("MediaStorageSOPClassUID"))
    for column, (attribute, _) in NUMBERS.items():
        text = _raw_text(header, tags[attribute]) if tags[attribute] in present else None
        values[column] = text.split("\\")[0] if text else None
    for column, attribute in (("procedure", "ProcedureCodeSequence"), ("site", "AnatomicRegionSequence")):
        code = code_of(header, attribute) if tags[attribute] in present else {}
        values |= {f"{column}_code": code.get("code"), f"{column}_scheme": code.get("scheme")}
    geometry = {attribute: plain(_raw_text(header, tags[attribute])) for attribute in _GEOMETRY if tags[attribute] in present}
    has_more = any(tags[attribute] in present for attribute in _SEQUENCES)
    said = list(features_of(header))[:_MOST_FEATURES] if has_more else []
    values["derived_from"] = next(iter(referenced(header)), None) if has_more else None
    values["geometry"] = json.dumps(geometry) if geometry else None
    values["listed"] = json.dumps(list(listed(header))) if values["sop_class"] == _DICOMDIR else None
    values["features"] = json.dumps(said) if said else None
    return values


def _raw_text(header: Dataset, tag: BaseTag) -> str | None:
    """Give an element as text, as it stands in the file where that is plain text: pydicom's own reading costs ten times as much."""
    raw = header.get_item(tag)
    value = getattr(raw, "value", None)
    if isinstance(value, bytes):
        if tag in _binary():
            if len(value) in {2, 4}:
                return str(int.from_bytes(value, "little" if getattr(raw, "is_little_endian", True) else "big"))
        elif value.isascii():
            return value.decode("ascii").strip(" \0") or None
    return text_of(header[tag].value)


@cache
def _tags() -> dict[str, BaseTag]:
    """Give the tag of each attribute that is read."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    names = (*TEXTS.values(), *(attribute for attribute, _ in NUMBERS.values()), *_GEOMETRY, *_SEQUENCES, "SpecificCharacterSet")
    return {name: Tag(tag) for name in names if (tag := tag_for_keyword(name)) is not None}


@cache
def _binary() -> frozenset[BaseTag]:
    """Give the tags of those whose values are whole numbers in two or four bytes."""
    from pydicom.datadict import dictionary_VR

    return frozenset(tag for tag in _tags().values() if dictionary_VR(tag) in {"US", "UL"})
