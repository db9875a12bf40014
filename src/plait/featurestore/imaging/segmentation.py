"""The region of a series that a segmentation (a DICOM SEG object, PS3.3 A.51 and A.91) draws, on the series' own grid."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.imaging.series import decodable, opened, readable, said
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from pydicom.dataset import Dataset

    from plait.etl.images.files import ImageFiles
    from plait.featurestore.imaging.series import Series

    Flags = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.float64]

_HALF = 0.5
"""Probability or occupancy from which on a voxel of a FRACTIONAL segmentation is in."""
_SAME_DIRECTION = 1e-3
_SLACK = 0.01
"""Part of a step by which a plane may lie further than half a step away: places are rounded."""


class _Plane(NamedTuple):
    """A frame of a segmentation: which of its pixels are in, and where it lies."""

    inside: Flags
    position: Places
    spacing_mm: tuple[float, float]


def read_region(files: ImageFiles, uris: Sequence[str], series: Series, segment: str | int | None) -> Flags:
    """Give the voxels of a series that a segmentation has in.

    A voxel is in if the nearest voxel of the segmentation is, in whose slice it must lie. The segmentation may cover less than the series,
    stand on another grid of the same orientation, and have segments that overlap.

    Args:
        files: The files of the source.
        uris: Those of the segmentation.
        series: The series.
        segment: A segment's number, its label, or the code of its type (case does not count); all segments together if None.

    Returns:
        Like the values of the series' volume, slices as in `series.frames`.

    Raises:
        ItemError: UNPARSED where it cannot be read or does not fit the series, NO_MATERIAL where no such segment is in it or nothing is in the segment.
    """
    rows, columns = series.frames[0].shape
    region = np.zeros((len(series.frames), rows, columns), np.bool_)
    is_named = False
    for uri in sorted(uris):
        with readable(), opened(files, uri) as file:
            instance = _instance(file)
            if series.frame_of_reference and str(instance.get("FrameOfReferenceUID") or "") != series.frame_of_reference:
                raise ItemError(Reason.UNPARSED, "a segmentation in another frame of reference than its series")
            chosen = _chosen(instance, segment)
            is_named = is_named or bool(chosen)
            if chosen:
                _check_orientation(instance, series)
                thickness = _thickness(instance)
                for plane in _planes(instance, chosen):
                    _put(region, plane, series, thickness)
    if not is_named:
        raise ItemError(Reason.NO_MATERIAL, "the segmentation has no such segment")
    if not region.any():
        raise ItemError(Reason.NO_MATERIAL, "nothing of the series is in the segment")
    return region


def _instance(file: IO[bytes]) -> Dataset:
    """Read a segmentation."""
    import pydicom

    instance = pydicom.dcmread(cast("Any", file))
    if instance.get("Modality") != "SEG" or not instance.get("PerFrameFunctionalGroupsSequence"):
        raise ItemError(Reason.UNPARSED, "a segmentation without frames")
    decodable(instance.file_meta.TransferSyntaxUID)
    return instance


def _chosen(instance: Dataset, segment: str | int | None) -> set[int]:
    """Give the numbers of the segments that are meant; 0 is the background of a label map."""
    numbers = set()
    for one in instance.get("SegmentSequence") or []:
        types = one.get("SegmentedPropertyTypeCodeSequence") or []
        names = {str(one.get("SegmentLabel") or ""), *(str(code.get("CodeValue") or "") for code in types)}
        is_meant = segment is None or int(one.SegmentNumber) == segment or str(segment).casefold() in {name.casefold() for name in names if name}
        if is_meant and int(one.SegmentNumber) > 0:
            numbers.add(int(one.SegmentNumber))
    return numbers


def _planes(instance: Dataset, chosen: set[int]) -> Iterator[_Plane]:
    """Yield the frames of the chosen segments, one in memory at a time."""
    kind = str(instance.get("SegmentationType") or "BINARY").upper()
    groups = list(instance.PerFrameFunctionalGroupsSequence)
    shared = (instance.get("SharedFunctionalGroupsSequence") or [None])[0]
    least = _HALF * float(instance.get("MaximumFractionalValue") or 1) if kind == "FRACTIONAL" else _HALF
    of_frame = [None if kind == "LABELMAP" else int(_within(group, shared, "SegmentIdentificationSequence", "ReferencedSegmentNumber")) for group in groups]
    wanted = [place for place, number in enumerate(of_frame) if number is None or number in chosen]
    for place, pixels in zip(wanted, _pixels(instance, wanted), strict=True):
        inside = np.isin(pixels, sorted(chosen)) if kind == "LABELMAP" else pixels >= least
        if inside.any():
            position = _within(groups[place], shared, "PlanePositionSequence", "ImagePositionPatient")
            down, across = (float(one) for one in _within(groups[place], shared, "PixelMeasuresSequence", "PixelSpacing"))
            yield _Plane(inside, np.asarray(position, np.float64), (down, across))


def _pixels(instance: Dataset, wanted: list[int]) -> Iterator[npt.NDArray[Any]]:
    """Yield some frames. Those of bits stand one after another without regard to bytes (PS3.5, 8.1.1), which pydicom reads only all at once."""
    from pydicom.pixels.utils import iter_pixels

    if instance.BitsAllocated != 1 or instance.file_meta.TransferSyntaxUID.is_encapsulated:
        yield from iter_pixels(instance, indices=wanted, raw=True) if wanted else ()
        return
    shape, packed = (int(instance.Rows), int(instance.Columns)), np.frombuffer(instance.PixelData, np.uint8)
    size = shape[0] * shape[1]
    for place in wanted:
        first, after = place * size, (place + 1) * size
        yield np.unpackbits(packed[first // 8 : -(-after // 8)], bitorder="little")[first % 8 :][:size].reshape(shape)


def _within(group: Dataset, shared: Dataset | None, sequence: str, attribute: str) -> Any:  # noqa: ANN401 - pydicom's values are of many types
    """Give an attribute of a frame, or of all.

    Raises:
        ItemError: It is not there.
    """
    found = said(None, [one for one in (group, shared) if one is not None], sequence, attribute)
    if found is None:
        raise ItemError(Reason.UNPARSED, "a segmentation that does not say where its frames lie")
    return found


def _check_orientation(instance: Dataset, series: Series) -> None:
    """Fail where a frame's plane is not parallel to the series' slices.

    Raises:
        ItemError: It is not.
    """
    shared = (instance.get("SharedFunctionalGroupsSequence") or [None])[0]
    for group in instance.PerFrameFunctionalGroupsSequence:
        orientation = np.asarray(_within(group, shared, "PlaneOrientationSequence", "ImageOrientationPatient"), np.float64).reshape(2, 3)
        if np.abs(orientation - series.frames[0].orientation).max() > _SAME_DIRECTION:
            raise ItemError(Reason.UNPARSED, "a segmentation of another orientation than its series")


def _thickness(instance: Dataset) -> float | None:
    """Give how thick a slice of the segmentation is, in mm; None where it does not say."""
    groups = [*(instance.get("SharedFunctionalGroupsSequence") or []), instance.PerFrameFunctionalGroupsSequence[0]]
    found = said(None, groups, "PixelMeasuresSequence", "SpacingBetweenSlices")
    found = found or said(None, groups, "PixelMeasuresSequence", "SliceThickness")
    return None if found is None else abs(float(found)) or None


def _put(region: Flags, plane: _Plane, series: Series, thickness_mm: float | None) -> None:
    """Add a frame to the slices of the series that lie in it."""
    row, column = series.frames[0].orientation
    normal = np.cross(row, column)
    depth = abs(float(series.step @ normal))
    reach = (_HALF + _SLACK) * max(thickness_mm or depth, depth)
    for place, frame in enumerate(series.frames):
        off = frame.position - plane.position
        if abs(float(off @ normal)) > reach:
            continue
        rows, columns = frame.shape
        down = np.rint((float(off @ column) + np.arange(rows) * frame.spacing_mm[0]) / plane.spacing_mm[0]).astype(int)
        across = np.rint((float(off @ row) + np.arange(columns) * frame.spacing_mm[1]) / plane.spacing_mm[1]).astype(int)
        is_down, is_across = (down >= 0) & (down < plane.inside.shape[0]), (across >= 0) & (across < plane.inside.shape[1])
        if is_down.any() and is_across.any():
            region[place][np.ix_(is_down, is_across)] |= plane.inside[np.ix_(down[is_down], across[is_across])]
