"""Reading a series: all its slices, in their order along the normal of their plane, as one volume.

What would make numbers wrong in silence is a fault: a slice that is missing, two grids in one series, two slices at one place, a place or
a rescaling that is not said. Nothing is guessed, and no message has anything of a header in it.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from plait.etl.images.files import is_elsewhere
from plait.etl.sources.remote import NotOpenable
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.imaging.volume import Volume
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from pydicom.dataset import Dataset

    from plait.etl.images.files import ImageFiles

    Places = npt.NDArray[np.float64]

MOST_VOXELS = 1 << 29
"""Voxels of the largest series that is read: 2 GiB of numbers."""

_TAGS = (
    "SOPInstanceUID",
    "Modality",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "PixelRepresentation",
    "FrameOfReferenceUID",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_SAME_DIRECTION, _SAME_SPACING = 1e-3, 1e-3
"""By how much cosines of a direction, and a spacing in parts of itself, may differ between slices of one grid."""
_OFF_PLACE = 0.1
"""How far a slice may lie from where equal steps put it, in steps: files round places to a tenth of a millimetre; a missing slice is off by 0.3 or more."""


class Frame(NamedTuple):
    """A slice: where its pixels are, and where it lies."""

    uri: str
    number: int
    shape: tuple[int, int]
    position: Places
    orientation: Places
    spacing_mm: tuple[float, float]
    thickness_mm: float | None
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Series:
    """What the headers of a series say.

    Attributes:
        frames: Its slices, from the first along the normal to the last.
        step: From a slice to the next, `(3,)` in mm.
        frame_of_reference: UID of the space that places are in, None where none is named.
    """

    frames: tuple[Frame, ...]
    step: Places
    frame_of_reference: str | None


def read_series(files: ImageFiles, uris: Sequence[str]) -> tuple[Volume, Series]:
    """Read all slices of a series.

    Args:
        files: The files of its source.
        uris: Those of the series.

    Raises:
        ItemError: UNREACHABLE where a file is gone, UNPARSED where the files make no volume.
    """
    series = arrange(files, uris)
    rows, columns = series.frames[0].shape
    if len(series.frames) * rows * columns > MOST_VOXELS:
        raise ItemError(Reason.UNPARSED, f"larger than {MOST_VOXELS} voxels")
    values = np.empty((len(series.frames), rows, columns), np.float32)
    valid = None
    places = {(frame.uri, frame.number): place for place, frame in enumerate(series.frames)}
    filled = 0
    for uri in dict.fromkeys(frame.uri for frame in series.frames):
        with readable(), opened(files, uri) as file:
            for number, plane, padding in _planes(file):
                place = places[uri, number]
                frame = series.frames[place]
                values[place] = plane
                filled += 1
                if frame.slope != 1.0:
                    values[place] *= np.float32(frame.slope)
                if frame.intercept != 0.0:
                    values[place] += np.float32(frame.intercept)
                if padding is not None and padding.any():
                    valid = np.ones(values.shape, np.bool_) if valid is None else valid
                    valid[place] = ~padding
                    values[place][padding] = values[place][~padding].min() if not padding.all() else 0.0
    if filled != len(series.frames):
        raise ItemError(Reason.UNPARSED, "fewer frames than a file says")
    first = series.frames[0]
    row, column = first.orientation
    steps = np.stack((series.step, column * first.spacing_mm[0], row * first.spacing_mm[1]), axis=1)
    return Volume(values, first.position, steps, valid, parts=len(series.frames)), series


def arrange(files: ImageFiles, uris: Sequence[str]) -> Series:
    """Read the headers of a series, and give its slices in order.

    Raises:
        ItemError: As `read_series`.
    """
    frames, seen, spaces = [], set(), set()
    for uri in sorted(uris):
        with readable(), opened(files, uri) as file:
            header = _header(file)
        instance = str(header.get("SOPInstanceUID") or uri)
        if instance not in seen:  # a file that is there twice is one slice
            seen.add(instance)
            spaces.add(str(header.get("FrameOfReferenceUID") or ""))
            with readable():
                frames += list(_frames(uri, header))
    if not frames:
        raise ItemError(Reason.UNPARSED, "no slices")
    if len(spaces) > 1:
        raise ItemError(Reason.UNPARSED, "slices of several frames of reference")
    _check_one_grid(frames)
    row, column = frames[0].orientation
    normal = np.cross(row, column)
    frames.sort(key=lambda frame: (float(frame.position @ normal), frame.uri, frame.number))
    return Series(tuple(frames), _step(frames, normal), spaces.pop() or None)


@contextmanager
def opened(files: ImageFiles, uri: str) -> Iterator[IO[bytes]]:
    """Open a file to be read here and there; what stands elsewhere comes in one piece first, since a server need not know of ranges."""
    with files.open(uri) as file:
        yield io.BytesIO(file.read()) if is_elsewhere(uri) else file


@contextmanager
def readable() -> Iterator[None]:
    """Say of what libraries and systems raise only what it means for the item: their messages have paths and values in them.

    Raises:
        ItemError: Instead of anything else.
    """
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ItemError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise ItemError(Reason.UNREACHABLE, "a file is gone") from None
    except NotOpenable:
        raise ItemError(Reason.UNREACHABLE, "a reference that cannot be opened here") from None
    except OSError:
        raise ItemError(Reason.UNREACHABLE, "a file cannot be read") from None
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - they raise what they like
        raise ItemError(Reason.UNPARSED, "a file cannot be parsed") from None


def _header(file: IO[bytes]) -> Dataset:
    """Read what says where slices lie."""
    import pydicom

    return pydicom.dcmread(cast("Any", file), stop_before_pixels=True, specific_tags=list(_TAGS), force=True)


def _frames(uri: str, header: Dataset) -> Iterator[Frame]:
    """Yield the slices of a file: itself, or each of its frames (PS3.3, C.7.6.16)."""
    if not header.get("Rows") or not header.get("Columns"):
        raise ItemError(Reason.UNPARSED, "files without pixels")
    if int(header.get("SamplesPerPixel") or 1) != 1 or header.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise ItemError(Reason.UNPARSED, "colours where one value for a pixel was expected")
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    count = int(header.get("NumberOfFrames") or 1)
    if per_frame is None and count > 1:
        raise ItemError(Reason.UNPARSED, "frames that do not say where they lie")
    if per_frame is not None and len(per_frame) != count:
        raise ItemError(Reason.UNPARSED, "another number of frames than of their descriptions")
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    for number in range(count):
        groups = [group for group in (per_frame[number] if per_frame else None, shared) if group is not None]
        yield _frame(uri, number, header, groups)


def _frame(uri: str, number: int, header: Dataset, groups: list[Dataset]) -> Frame:
    """Give one slice."""
    position = said(header, groups, "PlanePositionSequence", "ImagePositionPatient")
    orientation = said(header, groups, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = said(header, groups, "PixelMeasuresSequence", "PixelSpacing")
    if not position or not orientation or not spacing:
        raise ItemError(Reason.UNPARSED, "slices that do not say where they lie")
    slope = said(header, groups, "PixelValueTransformationSequence", "RescaleSlope")
    intercept = said(header, groups, "PixelValueTransformationSequence", "RescaleIntercept")
    if "ModalityLUTSequence" in header:
        raise ItemError(Reason.UNPARSED, "values that a table rescales")
    if header.get("Modality") == "CT" and (slope is None or intercept is None):
        raise ItemError(Reason.UNPARSED, "a CT that does not say how its values become HU")
    thickness = said(header, groups, "PixelMeasuresSequence", "SliceThickness")
    directions = np.asarray(orientation, np.float64).reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if np.abs(lengths - 1).max() > 10 * _SAME_DIRECTION or abs(directions[0] @ directions[1]) > 10 * _SAME_DIRECTION:
        raise ItemError(Reason.UNPARSED, "rows and columns that are not at right angles")
    down, across = (float(one) for one in spacing)
    if min(down, across) <= 0:
        raise ItemError(Reason.UNPARSED, "slices that do not say where they lie")
    return Frame(
        uri,
        number,
        (int(header.Rows), int(header.Columns)),
        np.asarray(position, np.float64),
        directions / lengths[:, None],
        (down, across),
        None if thickness is None else abs(float(thickness)) or None,
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
    )


def said(header: Dataset | None, groups: list[Dataset], sequence: str, attribute: str) -> Any:  # noqa: ANN401 - pydicom's values are of many types
    """Give an attribute of a frame: from the first of its functional groups that has it, else from the file; None where nothing says."""
    for group in groups:
        items = group.get(sequence)
        if items and items[0].get(attribute) is not None:
            return items[0].get(attribute)
    return None if header is None else header.get(attribute)


def _check_one_grid(frames: list[Frame]) -> None:
    """Fail where slices are not of one grid.

    Raises:
        ItemError: They are not.
    """
    first = frames[0]
    if any(frame.shape != first.shape for frame in frames):
        raise ItemError(Reason.UNPARSED, "slices of different sizes")
    if any(np.abs(frame.orientation - first.orientation).max() > _SAME_DIRECTION for frame in frames):
        raise ItemError(Reason.UNPARSED, "slices of different orientations")
    if any(abs(one / other - 1) > _SAME_SPACING for frame in frames for one, other in zip(frame.spacing_mm, first.spacing_mm, strict=True)):
        raise ItemError(Reason.UNPARSED, "slices of different resolutions")


def _step(frames: list[Frame], normal: Places) -> Places:
    """Give the step from a slice to the next, `(3,)` in mm, of slices in order.

    Raises:
        ItemError: Slices lie at one place, one is missing, or a single one does not say how thick it is.
    """
    if len(frames) == 1:
        if frames[0].thickness_mm is None:
            raise ItemError(Reason.UNPARSED, "one slice that does not say how thick it is")
        return normal * frames[0].thickness_mm
    positions = np.stack([frame.position for frame in frames])
    step: Places = (positions[-1] - positions[0]) / (len(frames) - 1)
    gaps = np.diff(positions @ normal)
    if gaps.min() < _OFF_PLACE * np.median(gaps) or gaps.min() <= 0:
        raise ItemError(Reason.UNPARSED, "several slices at one place")
    off = np.linalg.norm(positions - (positions[0] + np.arange(len(frames))[:, None] * step), axis=1)
    if off.max() > _OFF_PLACE * np.median(gaps):
        whole = gaps / gaps.min()
        are_steps = np.abs(whole - whole.round()).max() < 2 * _OFF_PLACE
        raise ItemError(Reason.UNPARSED, "slices are missing" if are_steps else "slices at unequal steps")
    return step


def _planes(file: IO[bytes]) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_] | None]]:
    """Yield the stored values of a file frame by frame, with which of them are padding (PS3.3, C.7.5.1.1.2)."""
    import pydicom
    from pydicom.pixels.utils import iter_pixels
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    instance = pydicom.dcmread(cast("Any", file), force=True)
    if instance.file_meta.get("TransferSyntaxUID") is None:
        instance.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if instance.original_encoding[0] else ExplicitVRLittleEndian
    decodable(instance.file_meta.TransferSyntaxUID)
    value, limit = instance.get("PixelPaddingValue"), instance.get("PixelPaddingRangeLimit")
    low, high = sorted((_stored(instance, value), _stored(instance, value if limit is None else limit))) if value is not None else (0, 0)
    for number, plane in enumerate(iter_pixels(instance, raw=True)):
        yield number, plane, None if value is None else (plane >= low) & (plane <= high)


def _stored(instance: Dataset, value: Any) -> int:  # noqa: ANN401 - an int, or the bytes of one
    """Give a padding value as pixels of the file have it: some files write the bits of a signed one as an unsigned one."""
    number = int.from_bytes(value, "little") if isinstance(value, bytes) else int(value)
    return number - (1 << 16) if instance.get("PixelRepresentation") == 1 and number >= 1 << 15 else number


def decodable(syntax: Any) -> None:  # noqa: ANN401 - a pydicom UID
    """Fail where nothing that is installed decompresses the pixels.

    Raises:
        ItemError: UNPARSED.
    """
    from pydicom.pixels.decoders.base import get_decoder

    try:
        is_available = get_decoder(syntax).is_available
    except NotImplementedError:
        is_available = False
    if not is_available:
        raise ItemError(Reason.UNPARSED, f"no decoder is installed for {syntax.name}: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg")
