"""What one whole-slide file is, without its pixels; and a small picture of it, with where its tissue is.

OpenSlide reads first, tiffslide what OpenSlide does not open, pydicom the header of what neither opens. Nothing
is made up: a resolution, a magnification or a day that the file does not say is None.
"""

from __future__ import annotations

import io
import logging
import math
import re
import threading
import time
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, cast

from plait.etl.sources.imaging import need_imaging
from plait.etl.sources.remote import HEAD_BYTES, RemoteFile, RemoteFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

T = TypeVar("T")
Reader = Literal["openslide", "tiffslide", "pydicom"]
Reason = Literal["empty_file", "not_a_slide", "truncated_slide", "vanished", "needs_local_file"]

_STRIP_PIXELS = 16 << 20
"""Pixels of a level that are in memory at one time, unless the strip that makes one line of a thumbnail has more."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins, and a BigTIFF: either order of bytes."""
_IDENTIFYING = ("label", "macro")
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""VL Whole Slide Microscopy Image Storage (DICOM PS3.4 Annex B.5)."""
_ASSOCIATED = {"LABEL": "label", "OVERVIEW": "macro", "THUMBNAIL": "thumbnail"}
"""What a DICOM instance is that is no level (DICOM PS3.3 C.8.12.4.1.1, value 3 of Image Type), in OpenSlide's words."""
_HEADER = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "ImageType",
    "AcquisitionDateTime",
    "SpecimenLabelInImage",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "Columns",
    "Rows",
    "SharedFunctionalGroupsSequence",
    "OpticalPathSequence",
)
_SCANNED = {
    "aperio.Date": ("%m/%d/%y", "%m/%d/%Y"),
    "dicom.AcquisitionDateTime": ("%Y%m%d",),
    "hamamatsu.Created": ("%Y/%m/%d",),
    "leica.creation-date": ("%Y-%m-%d",),
    "mirax.GENERAL.SLIDE_CREATIONDATETIME": ("%d/%m/%Y",),
    "philips.DICOM_ACQUISITION_DATETIME": ("%Y%m%d",),
}
"""Where OpenSlide tells the day of scanning, and how each vendor writes it; `tiff.DateTime` is when the file was written."""
_FAINT, _DARK = 15 / 255, 96
"""Saturation below which nothing is tissue (glass has a tint, and noise), and the brightness below which a hue means nothing."""
_OPENSLIDE_ONLY = frozenset({".mrxs", ".vms", ".vmu", ".czi"})
"""Suffixes of formats that are no TIFF, and that neither tiffslide nor pydicom opens."""
_QUIETLY = threading.Lock()
"""Held while warnings are off, which they are for all threads."""


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """What a whole-slide file says of itself.

    Attributes:
        reader: What opened it.
        vendor: The format, in OpenSlide's words; None where the reader does not name one.
        levels: (width, height, downsample) of each level, the largest first; pixels, and pixels of the first per pixel.
        width: Width of the first level, in pixels.
        height: Its height.
        mpp_x: Microns per pixel of the first level from left to right, as the reader says; None where it says nothing.
        mpp_y: Those from top to bottom.
        objective: Magnification of the objective.
        has_icc: Whether it holds a colour profile.
        associated: Names of the pictures beside the levels, in order: `label`, `macro`, `thumbnail`, …
        may_identify: Those of them that may show a name or a number. With pydicom also what the instance itself shows.
        tile_width: Width of a tile of the first level, in pixels; None where it is not tiled.
        tile_height: Its height.
        acquired: The day of scanning, as ISO text.
    """

    reader: Reader
    vendor: str | None
    levels: tuple[tuple[int, int, float], ...]
    width: int
    height: int
    mpp_x: float | None
    mpp_y: float | None
    objective: float | None
    has_icc: bool
    associated: tuple[str, ...]
    may_identify: tuple[str, ...]
    tile_width: int | None
    tile_height: int | None
    acquired: str | None


class Series(NamedTuple):
    """Which slide a DICOM instance is a part of, and which: `level`, `label`, `macro` or `thumbnail`; `width` is in pixels."""

    study: str
    series: str
    instance: str
    role: str
    width: int


class Place(Protocol):
    """Where a slide is: a `Path`, or what stands elsewhere."""

    @property
    def name(self) -> str:
        """Its name, with its suffix."""
        ...

    def open(self, mode: Literal["rb"], /) -> AbstractContextManager[IO[bytes]]:
        """Open it to be read in any order."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteSlide:
    """A slide at a URL: only what is asked for is read of it."""

    folder: RemoteFolder
    name: str
    size_bytes: int

    def open(self, mode: Literal["rb"] = "rb", /) -> AbstractContextManager[IO[bytes]]:
        """Open it."""
        del mode
        return cast("IO[bytes]", io.BufferedReader(RemoteFile(self.folder, self.name, self.size_bytes), HEAD_BYTES))


class SlideFault(Exception):  # noqa: N818 - a reason that a record is rejected for, which stops nothing
    """A file is no slide that can be read.

    Attributes:
        reason: `empty_file`; `not_a_slide`, which nothing opens; `truncated_slide`, a TIFF that ends early or is
            broken inside; `vanished`; `needs_local_file`, which OpenSlide alone might open, and it opens no URLs.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_slide(place: Place) -> SlideFacts:
    """Give what a whole-slide file says of itself; of pixels, OpenSlide reads those that its quickhash is made of.

    Raises:
        SlideFault: It is no slide that can be read.
        MissingExtraError: The packages for images are not installed.
        OSError: The system does not let it be read.
    """
    return _with_first(place, _facts)


def series_of(place: Place) -> Series | None:
    """Give the DICOM series that an instance of a slide belongs to, None of a file that is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with _instance(place) as header:
            role = _ASSOCIATED.get(header.get("ImageType", ["", "", ""])[2], "level")
            return Series(str(header.StudyInstanceUID), str(header.SeriesInstanceUID), str(header.SOPInstanceUID), role, int(header.TotalPixelMatrixColumns))
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - pydicom raises what it likes for what is no DICOM
        return None


def thumbnail(place: Place, size: tuple[int, int]) -> Image:
    """Draw a slide small, in RGB, as large as fits into (width, height) pixels and never larger than it is; what is transparent is white.

    Memory does not grow with the slide: the level that is nearest in size is read in strips.

    Raises:
        SlideFault: It is no slide that can be read, or only pydicom opens it.
        MissingExtraError: The packages for images are not installed.
        OSError: The system does not let it be read.
    """
    return _with_first(place, lambda slide, _: small_picture(slide, size))


@contextmanager
def open_slide(place: Place) -> Iterator[Any]:
    """Open a slide to read its pixels, with the first reader that can: an OpenSlide or a TiffSlide, whose interfaces are one as far as levels go.

    Raises:
        SlideFault: It is no slide that can be read, or only pydicom opens it.
        MissingExtraError: The packages for images are not installed.
        OSError: The system does not let it be read.
    """
    reader: Reader = _with_first(place, lambda _, reader: reader)
    if reader == "pydicom":
        raise SlideFault("not_a_slide")
    with _readers(place)[reader]() as slide:
        yield slide


def tissue_mask(thumbnail: Image) -> npt.NDArray[np.bool_]:
    """Say which pixels of a thumbnail show tissue, `(height, width) bool`; none of a blank slide.

    Tissue is coloured and glass is not: Otsu's threshold (IEEE Trans. SMC 9, 1979) on the saturation (HSV), blurred lightly.
    """
    import numpy as np

    red, green, blue = np.moveaxis(np.asarray(thumbnail.convert("RGB")), 2, 0).astype(np.float64)
    brightest, darkest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    saturation = _blurred((brightest - darkest) / np.maximum(brightest, _DARK))
    return saturation > max(_otsu(saturation), _FAINT)


def _with_first(place: Place, use: Callable[[Any, Reader], T]) -> T:
    """Give what is made of a slide with the first reader that can.

    Raises:
        SlideFault: None can, or it is a TIFF that ends early, of which some readers silently leave out levels.
        OSError: It cannot be read; `Unreachable` where a server does not answer.
    """
    need_imaging(place.name)
    try:
        with place.open("rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        raise SlideFault("vanished") from None
    if not head:
        raise SlideFault("empty_file")
    if head in _TIFF and _ends_early(place):
        raise SlideFault("truncated_slide")
    for reader, opened in _readers(place).items():
        with suppress(Exception), opened() as slide:  # they raise what they like, with places and metadata in it
            return use(slide, reader)
    if _first_bytes(place) != head:
        raise SlideFault("vanished")
    if not isinstance(place, Path) and (head in _TIFF or place.name[place.name.rfind(".") :].lower() in _OPENSLIDE_ONLY):
        raise SlideFault("needs_local_file")
    raise SlideFault("truncated_slide" if head in _TIFF else "not_a_slide")


def _first_bytes(place: Place) -> bytes:
    """Give the first bytes of a slide, by which formats are known.

    Raises:
        SlideFault: It is gone.
    """
    try:
        with place.open("rb") as file:
            return file.read(4)
    except FileNotFoundError:
        raise SlideFault("vanished") from None


def _readers(place: Place) -> dict[Reader, Callable[[], AbstractContextManager[Any]]]:
    """Give what may open a slide, in order: OpenSlide what is a file of this machine, the others all."""
    import openslide

    readers: dict[Reader, Callable[[], AbstractContextManager[Any]]] = {}
    if isinstance(place, Path):
        readers["openslide"] = lambda: openslide.OpenSlide(place)
    return readers | {"tiffslide": lambda: _tiffslide(place), "pydicom": lambda: _instance(place)}


def _ends_early(place: Place) -> bool:
    """Say whether a TIFF ends before a directory or a tile that it points at; False where tifffile cannot tell."""
    import tifffile

    with _quietly(), suppress(Exception), place.open("rb") as file, tifffile.TiffFile(file) as tif:
        end = tif.filehandle.size
        if any(at + count > end for page in tif.pages for at, count in zip(page.dataoffsets, page.databytecounts, strict=True)):
            return True
        if (after := tif.pages.next_page_offset) is None:
            return True
        tif.filehandle.seek(after)  # in the last directory that there is: 0 says that there are no more
        return bool(tif.filehandle.read(tif.tiff.offsetsize) != bytes(tif.tiff.offsetsize))
    return False


@contextmanager
def _tiffslide(place: Place) -> Iterator[Any]:
    """Open a TIFF with tiffslide; as an open file, since it takes some paths for addresses."""
    import tiffslide

    with _quietly(), place.open("rb") as file, tiffslide.TiffSlide(cast("Any", file)) as slide:
        yield slide


@contextmanager
def _instance(place: Place) -> Iterator[Any]:
    """Read the header of a DICOM instance.

    Raises:
        ValueError: It is not of a whole slide.
    """
    import pydicom

    with _quietly(), place.open("rb") as file:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_HEADER))
        if header.SOPClassUID != _WHOLE_SLIDE:
            raise ValueError
        yield header


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what libraries say of a file from the terminal: it has paths and metadata in it."""
    log = logging.getLogger("tifffile")
    with _QUIETLY, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        was, log.disabled = log.disabled, True
        try:
            yield
        finally:
            log.disabled = was


def _facts(slide: Any, reader: Reader) -> SlideFacts:  # noqa: ANN401 - of any of three libraries
    """Give what a slide says of itself."""
    if reader == "pydicom":
        return _instance_facts(slide)
    said: Mapping[str, Any] = slide.properties
    levels = tuple((width, height, float(ratio)) for (width, height), ratio in zip(slide.level_dimensions, slide.level_downsamples, strict=True))
    associated = tuple(sorted(slide.associated_images))
    vendor = said.get(f"{reader}.vendor")
    return SlideFacts(
        reader=reader,
        vendor=None if vendor is None else str(vendor),
        levels=levels,
        width=levels[0][0],
        height=levels[0][1],
        mpp_x=_positive(said.get(f"{reader}.mpp-x")),
        mpp_y=_positive(said.get(f"{reader}.mpp-y")),
        objective=_positive(said.get(f"{reader}.objective-power")),
        has_icc="openslide.icc-size" in said if reader == "openslide" else "InterColorProfile" in slide.ts_tifffile.pages[0].tags,
        associated=associated,
        may_identify=tuple(name for name in associated if name in _IDENTIFYING),
        tile_width=_pixels(said.get(f"{reader}.level[0].tile-width")),
        tile_height=_pixels(said.get(f"{reader}.level[0].tile-height")),
        acquired=next((day for name, forms in _SCANNED.items() if (day := _day(said.get(name), forms))), None),
    )


def _instance_facts(header: Any) -> SlideFacts:  # noqa: ANN401 - pydicom's names come from the file
    """Give what a DICOM instance says of itself: it is one level, and names none of the others.

    Pixel Spacing is in mm, between rows first, then between columns (DICOM PS3.3 section 10.7.1.3).
    """
    width, height = int(header.TotalPixelMatrixColumns), int(header.TotalPixelMatrixRows)
    down, across = _within(header, "SharedFunctionalGroupsSequence", "PixelMeasuresSequence", "PixelSpacing") or (None, None)
    shown = _ASSOCIATED.get(header.get("ImageType", ["", "", ""])[2])
    identifying = {shown, "label" if header.get("SpecimenLabelInImage") == "YES" else None}
    return SlideFacts(
        reader="pydicom",
        vendor="dicom",
        levels=((width, height, 1.0),),
        width=width,
        height=height,
        mpp_x=_positive(across, 1000),
        mpp_y=_positive(down, 1000),
        objective=_positive(_within(header, "OpticalPathSequence", "ObjectiveLensPower")),
        has_icc=_within(header, "OpticalPathSequence", "ICCProfile") is not None,
        associated=(shown,) if shown else (),
        may_identify=tuple(name for name in _IDENTIFYING if name in identifying),
        tile_width=_pixels(header.get("Columns")),
        tile_height=_pixels(header.get("Rows")),
        acquired=_day(header.get("AcquisitionDateTime"), _SCANNED["dicom.AcquisitionDateTime"]),
    )


def _within(header: Any, *names: str) -> Any:  # noqa: ANN401 - as above
    """Give an attribute of the first item of nested sequences, None where one of them is not there or empty."""
    *sequences, name = names
    for sequence in sequences:
        items = header.get(sequence)
        if not items:
            return None
        header = items[0]
    return header.get(name)


def _positive(said: object, times: int = 1) -> float | None:
    """Give a number that is more than zero, None where there is none."""
    try:
        number = times * float(str(said))
    except ValueError:
        return None
    return number if 0 < number < math.inf else None


def _pixels(said: object) -> int | None:
    """Give a number of pixels, None where there is none or it is 0."""
    number = _positive(said)
    return None if number is None else int(number)


def _day(said: object, forms: tuple[str, ...]) -> str | None:
    """Give the day of a time that a vendor wrote in one of its forms, None where it is in none of them."""
    found = re.match(r"\d+[/-]\d+[/-]\d+|\d{8}", str(said))
    if found is None:
        return None
    for form in forms:
        with suppress(ValueError):
            return date(*time.strptime(found[0], form)[:3]).isoformat()
    return None


def small_picture(slide: Any, size: tuple[int, int]) -> Image:  # noqa: ANN401 - of either library
    """Draw a slide small; a strip of a level makes some lines of it."""
    from PIL import Image

    width, height = slide.dimensions
    ratio = max(width / size[0], height / size[1], 1.0)
    small = Image.new("RGB", (max(1, round(width / ratio)), max(1, round(height / ratio))), "white")
    level = slide.get_best_level_for_downsample(ratio)
    across, down = slide.level_dimensions[level]
    per_line = down / small.height
    lines = max(1, int(_STRIP_PIXELS / (across * per_line)))
    for line in range(0, small.height, lines):
        end = min(line + lines, small.height)
        top, bottom = int(line * per_line), min(down, math.ceil(end * per_line))
        strip = slide.read_region((0, round(top * slide.level_downsamples[level])), level, (across, bottom - top)).convert("RGBA")
        strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB")
        box = (0, line * per_line - top, across, min(bottom - top, end * per_line - top))
        small.paste(strip.resize((small.width, end - line), Image.Resampling.BOX, box=box), (0, line))
    return small


def _blurred(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Blur `(height, width)` with the binomial 1-4-6-4-1 in both directions, its edges carried on."""
    import numpy as np

    for axis in (0, 1):
        wide = np.pad(plane, [(2, 2) if axis == one else (0, 0) for one in (0, 1)], mode="edge")
        count = plane.shape[axis]
        plane = sum((weight / 16 * wide.take(range(at, at + count), axis=axis) for at, weight in enumerate((1, 4, 6, 4, 1))), np.zeros(()))
    return plane


def _otsu(values: npt.NDArray[np.float64]) -> float:
    """Give the threshold in 0..1 that separates two classes best: the variance between them is largest."""
    import numpy as np

    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = counts.cumsum(), (counts * middles).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + np.nan_to_num(between).argmax()])
