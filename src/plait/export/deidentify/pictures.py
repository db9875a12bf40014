"""Files of images, DICOM or slides: what one may show, and one without what identifies. Each is a task that any process can do."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Literal

from plait.etl.images.files import ImageFiles
from plait.etl.sources.remote import NotOpenable
from plait.export.deidentify.dicom.blank import Blank, NotBlankable
from plait.export.deidentify.dicom.dataset import Subject, Text, descriptors
from plait.export.deidentify.dicom.instance import Broken, opened, write_instance
from plait.export.deidentify.dicom.risks import kind_of, may_show_a_face, risk_of
from plait.export.deidentify.slides.slide import NotCleanable, slide_risk, suffix_of, write_slide
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Fault = Literal["changed", "missing", "not at hand", "unreadable"]
Fate = Literal["copy", "blank", "leave out"]

DICOM, TIFF = "application/dicom", "image/tiff"
_SLIDE = "whole slide"
_BURNED = frozenset({"burned-in annotation", "not told whether text is burned in"})
"""Risks that end where text is blanked."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GROUPS = (b"\2\0", b"\x08\0", b"\0\x08")
"""How a DICOM file without a preamble begins: with its first group."""
_FORMAT: Literal["a format of slides that plait cannot clean"] = "a format of slides that plait cannot clean"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file of an image that leaves.

    Attributes:
        image: The image, as the study knows it.
        new_id: The person's new id.
        shift_days: The days by which the person's dates are shifted.
        uri: Where the file stands below its source's path.
        size_bytes: Its size when it was indexed; None where that was not known.
        sha256: Its hash when it was last checked; None where it never was.
        place: Where it goes below the package, without a suffix.
    """

    image: int
    new_id: int
    shift_days: int
    uri: str
    size_bytes: int | None
    sha256: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a file before anything is written.

    Attributes:
        kind: Its SOP class, or that it is a slide.
        fault: Why it is not the file that was indexed, None where it is.
        risk: Why it may show who it is, None where nothing says so.
        can_be_blanked: Whether what may show it can be blanked, or left out of the file.
        may_show_a_face: Whether a face could be made of it.
        texts: Its descriptors.
    """

    kind: str = "unknown"
    fault: Fault | None = None
    risk: str | None = None
    can_be_blanked: bool = False
    may_show_a_face: bool = False
    texts: frozenset[Text] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, below the package; `path` is None of one that turned out to be broken."""

    path: str | None
    media_type: str = ""
    instance_uid: str | None = None
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """Files of one source.

    Attributes:
        root: The source's path or URL.
        files: The files.
        spill: A folder for what must be at hand for a while.
        fates: What becomes of each; empty where that is not known yet.
        folder: The package.
        subject: The key, and which descriptors are common; whose they are, each file says itself.
    """

    root: Path | str
    files: tuple[ImageFile, ...]
    spill: Path
    fates: tuple[Fate, ...] = ()
    folder: Path = Path()
    subject: Subject | None = field(default=None, repr=False)


def judge(work: Work) -> list[Judged]:
    """Say of each file whether it is what it was, and what it may show."""
    found = []
    with ImageFiles(work.root) as files:
        for file in work.files:
            try:
                with _at_hand(files, file.uri, work.spill) as path:
                    found.append(_judged(path, file))
            except (FileNotFoundError, NotADirectoryError):
                found.append(Judged(fault="missing"))
            except NotOpenable:
                found.append(Judged(fault="not at hand"))
            except Exception:  # noqa: BLE001 - systems, archives and servers raise what they like, with paths in it
                found.append(Judged(fault="unreadable"))
    return found


def write(work: Work) -> list[Written | None]:
    """Write each file without what identifies; None of one that is left out."""
    made: list[Written | None] = []
    with ImageFiles(work.root) as files:
        for file, fate in zip(work.files, work.fates, strict=True):
            if fate == "leave out":
                made.append(None)
                continue
            try:
                with _at_hand(files, file.uri, work.spill) as path:
                    made.append(_written(path, file, work, is_blanked=fate == "blank"))
            except Exception:  # noqa: BLE001 - as above
                made.append(Written(None))
    return made


@contextmanager
def _at_hand(files: ImageFiles, uri: str, spill: Path) -> Iterator[Path]:
    """Give the path of a file; of a member of an archive, or what stands elsewhere, that of a copy."""
    place = files.slide(uri)
    if isinstance(place, Path):
        yield place
        return
    spill.mkdir(parents=True, exist_ok=True)
    with files.open(uri) as source, NamedTemporaryFile(dir=spill, suffix=Path(uri).suffix) as copy:
        shutil.copyfileobj(source, copy, _BLOCK_BYTES)
        copy.flush()
        yield Path(copy.name)


def _judged(path: Path, file: ImageFile) -> Judged:
    if file.size_bytes is not None and path.stat().st_size != file.size_bytes:
        return Judged(fault="changed")
    if file.sha256 is not None and sha256_of(path) != file.sha256:
        return Judged(fault="changed")
    form = _form_of(path)
    if form == TIFF:
        try:
            risk = slide_risk(path)
        except NotCleanable:
            risk = _FORMAT
        return Judged(kind=_SLIDE, risk=risk, can_be_blanked=risk == "a label or an overview of a slide")
    try:
        return _judged_dicom(path) if form == DICOM else Judged(kind=_SLIDE, risk=_FORMAT)
    except Broken:
        return Judged(fault="unreadable")


def _judged_dicom(path: Path) -> Judged:
    with opened(path) as source:
        header, risk = source.header, risk_of(source.header)
        can_be_blanked = False
        if risk in _BURNED:
            try:
                Blank.of(header, source.order)
                can_be_blanked = True
            except NotBlankable:
                pass
        return Judged(kind_of(header), None, risk, can_be_blanked, may_show_a_face(header), frozenset(descriptors(header)))


def _written(path: Path, file: ImageFile, work: Work, *, is_blanked: bool) -> Written:
    subject = work.subject
    if subject is None:
        raise TypeError
    if _form_of(path) == TIFF:
        place, kind, uid = file.place + suffix_of(path), TIFF, None
        target = _made(work.folder / place)
        write_slide(path, target)
    else:
        place, kind = file.place + ".dcm", DICOM
        target = _made(work.folder / place)
        uid = write_instance(path, target, Subject(file.new_id, file.shift_days, subject.key, subject.common), blank=is_blanked)
    return Written(place, kind, uid, target.stat().st_size, sha256_of(target))


def _made(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _form_of(path: Path) -> str | None:
    """Give the media type of a file by how it begins; a DICOM file may begin as a TIFF does (DICOM PS3.10, 7.1)."""
    with path.open("rb") as file:
        head = file.read(132)
    if head[128:] == b"DICM":
        return DICOM
    return TIFF if head[:4] in _TIFF else DICOM if head[:2] in _GROUPS else None
