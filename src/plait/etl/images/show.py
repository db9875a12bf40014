"""`plait show`: a picture of an image, for a person who wants to see whether a reference leads to what it says.

Of a series its three middle slices, of a slide its thumbnail, beside the same with its tissue outlined. Nothing that tells whose
it is comes with it but what the pixels show.
"""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, cast

from plait.duck import sql
from plait.errors import ConfigError, MissingExtraError, PlaitError, StudyError
from plait.etl.images.files import ImageFiles, is_elsewhere
from plait.etl.sources.imaging import need_imaging
from plait.etl.sources.remote import forget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image
    from pydicom.dataset import Dataset

    from plait.settings import Settings

Kind = Literal["slices", "frames", "slide"]

_PANES = 3
_PANE_PIXELS = 512
"""Longest side of a pane."""
_GAP_PIXELS = 4
_SOFT_TISSUE, _LUNG = (40, 400), (-600, 1500)
"""Level and width of windows in HU."""
_PERCENTILES = (1, 99)
_OUTLINE = (0, 200, 0)
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber", "NumberOfFrames", "Rows")
_SAID = ("BodyPartExamined", "Modality", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of an image.

    Attributes:
        image_occurrence_id: The image.
        modality: Its modality.
        kind: What stands side by side: slices of a series, frames of a file, or a slide and its outline.
        panes: How many there are.
        image: The picture, grey or RGB, panes of at most 512 pixels a side.
        notes: What whoever passes it on should know.
    """

    image_occurrence_id: int
    modality: str
    kind: Kind
    panes: int
    image: Image
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was written: where, of what modality, what stands side by side and how often, and what to beware of."""

    path: Path
    modality: str
    kind: Kind
    panes: int
    notes: tuple[str, ...]


def show_image(con: duckdb.DuckDBPyConnection, settings: Settings, item: str, target: Path, *, force: bool) -> Shown:
    """Draw an image into a PNG file that its owner alone can read.

    Args:
        con: A connection to a study, as `plait.Study.connect` gives it.
        settings: Say where the sources are.
        item: Its `image_occurrence_id`, or its series UID, or the name of a slide.
        target: The file to write.
        force: Whether a file that is there may be replaced.

    Raises:
        ConfigError: The file is there already, or its folder is not.
        StudyError: There is no such image, it has no picture, or a file of it cannot be read.
        MissingExtraError: A package is missing.
    """
    if not target.parent.is_dir():
        raise ConfigError(target.parent, expected="a folder for the picture", got="none", todo="Make it, or name another file with -o.")
    if target.exists() and not force:
        raise ConfigError(target, expected="a new file", got="one that is there", todo="Name another with -o, or replace it with --force.")
    found = draw(con, settings, item)
    with open(target, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        found.image.save(file, format="PNG")
    return Shown(target, found.modality, found.kind, found.panes, found.notes)


class _Pane(NamedTuple):
    """A frame: `(rows, columns) float64` in its own unit, or `(rows, columns, 3) uint8` where it has colours."""

    values: npt.NDArray[Any]
    is_inverse: bool
    body_part: str
    is_annotated: bool


def draw(con: duckdb.DuckDBPyConnection, settings: Settings, item: str) -> Picture:
    """Draw an image.

    Args:
        con: A connection to a study, as `plait.Study.connect` gives it.
        settings: Say where the sources are.
        item: Its `image_occurrence_id`, or its series UID.

    Raises:
        StudyError: There is no such image, it has no picture, or a file of it cannot be read.
        MissingExtraError: A package is missing.
    """
    need_imaging("a picture of an image")
    image, source, modality, derived_from = _found(con, item)
    query = "SELECT uri FROM plait.image_file WHERE image_occurrence_id = $image ORDER BY size_bytes DESC, uri"
    uris = [uri for (uri,) in con.execute(query, {"image": image}).fetchall()]
    where = f"image {image}"
    root = next((one.url or one.path for one in settings.sources if one.name == source), None)
    if root is None:
        raise StudyError(where, expected=f"source {source} in plait.yaml", got="none of this name", todo="Name it again, with the path of its files.")
    if any(map(is_elsewhere, uris)):
        raise StudyError(
            where,
            expected="files below its source's path",
            got="references to files elsewhere",
            todo="Copy them there, and make that a source without a manifest.",
        )
    forget()
    with _told(where), ImageFiles(root) as files:
        if modality == "SM" or any(one.name == source and one.kind == "wsi" for one in settings.sources):
            kind, panes, notes = _slide(files, uris, where)
        else:
            kind, panes, notes = _radiology(files, uris, where, modality, derived_from)
    return Picture(image, modality, kind, len(panes), _side_by_side(panes), notes)


def _found(con: duckdb.DuckDBPyConnection, item: str) -> tuple[int, str, str, int | None]:
    """Give the id, source and modality of an image, and what it was made from."""
    rows = con.execute(sql("plait.etl.images", "image_found"), {"item": item}).fetchall()
    if len(rows) > 1:
        ids = ", ".join(str(row[0]) for row in rows)
        raise StudyError("the study", expected="one image of this UID", got=f"{len(rows)}", todo=f"Name it by its image_occurrence_id: {ids}.")
    if not rows:
        raise StudyError("the study", expected="an image of this image_occurrence_id or UID", got="none", todo="See cdm.image_occurrence for what there is.")
    row: tuple[int, str, str, int | None] = rows[0]
    return row


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Say of what libraries raise only that a file cannot be read: their messages have paths and values in them."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except PlaitError:
        raise
    except FileNotFoundError:
        raise StudyError(where, expected="all its files", got="one that is gone", todo="See which: plait verify.") from None
    except Exception:  # noqa: BLE001 - they raise what they like
        raise StudyError(where, expected="files that can be read", got="one that cannot", todo="See which files are changed: plait verify --rehash.") from None


# Radiology


def _radiology(
    files: ImageFiles, uris: Sequence[str], where: str, modality: str, derived_from: int | None
) -> tuple[Kind, list[npt.NDArray[np.uint8]], tuple[str, ...]]:
    """Draw the middle of a series, or of a file of many frames."""
    headers = {uri: _header(files, uri) for uri in uris}
    if modality == "SEG" or not any("Rows" in header for header in headers.values()):
        todo = "Nothing of it can be drawn." if derived_from is None else f"See what it was made from: plait show {derived_from}."
        raise StudyError(where, expected="an image with a picture", got=f"a {modality}", todo=todo)
    headers = {uri: header for uri, header in headers.items() if "Rows" in header}
    frames = {uri: int(header.get("NumberOfFrames") or 1) for uri, header in headers.items()}
    longest = max(frames, key=lambda uri: frames[uri])
    kind: Kind = "frames" if frames[longest] > 1 else "slices"
    chosen = _middle([(longest, frame) for frame in range(frames[longest])] if kind == "frames" else [(uri, 0) for uri in _in_space(headers)])
    panes = [_pane(files, uri, frame, headers[uri], where) for uri, frame in chosen]
    notes = ("text is burned into the pixels, which may name the patient",) if any(pane.is_annotated for pane in panes) else ()
    return kind, _shaded(panes, modality), notes


def _header(files: ImageFiles, uri: str) -> Dataset:
    """Read what says where a slice lies."""
    import pydicom

    with files.open(uri) as file:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_PLACE), force=True)


def _in_space(headers: dict[str, Dataset]) -> list[str]:
    """Give slices in their order along the normal of the first one's plane (DICOM PS3.3, C.7.6.2.1.1), else by their number, else by name."""
    import numpy as np

    names = sorted(headers)
    said = [(headers[name].get("ImagePositionPatient"), headers[name].get("ImageOrientationPatient")) for name in names]
    if all(position and orientation and len(position) == 3 and len(orientation) == 6 for position, orientation in said):  # noqa: PLR2004 - x, y, z
        row, column = np.array(said[0][1], dtype=float).reshape(2, 3)
        places = {name: float(np.dot(np.array(position, dtype=float), np.cross(row, column))) for name, (position, _) in zip(names, said, strict=True)}
        return sorted(names, key=lambda name: places[name])
    if all(headers[name].get("InstanceNumber") is not None for name in names):
        return sorted(names, key=lambda name: int(headers[name].InstanceNumber))
    return names


def _middle(frames: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Give the three in the middle, all where there are fewer."""
    start = max(0, (len(frames) - _PANES) // 2)
    return frames[start : start + _PANES]


def _pane(files: ImageFiles, uri: str, frame: int, header: Dataset, where: str) -> _Pane:
    """Read one frame."""
    import numpy as np
    from pydicom.dataset import Dataset
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
    from pydicom.pixels.utils import pixel_array
    from pydicom.tag import Tag
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    syntax = header.file_meta.get("TransferSyntaxUID")
    _check_decoder(syntax, where)
    with files.open(uri) as file:
        if syntax is None or syntax == _DEFLATED:  # pydicom finds a frame in what is no more than it says
            said = _whole(file)
            if syntax is None:
                said.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if said.original_encoding[0] else ExplicitVRLittleEndian
            values = pixel_array(said, index=frame)
        else:
            said = Dataset()
            values = pixel_array(cast("Any", file), ds_out=said, index=frame, specific_tags=[Tag(name) for name in _SAID])
    if said.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, said)
    has_colours = values.ndim == 3  # noqa: PLR2004 - rows, columns, colours
    values = (values >> 8 * (values.dtype.itemsize - 1)).astype(np.uint8) if has_colours else _rescaled(apply_modality_lut(values, said), said, frame)
    is_inverse = said.PhotometricInterpretation == "MONOCHROME1"
    return _Pane(values, is_inverse, str(said.get("BodyPartExamined") or ""), str(said.get("BurnedInAnnotation") or "").upper() == "YES")


def _whole(file: IO[bytes]) -> Dataset:
    """Read a file with all its pixels."""
    import pydicom

    return pydicom.dcmread(cast("Any", file), force=True)


def _check_decoder(syntax: Any, where: str) -> None:  # noqa: ANN401 - a pydicom UID, or None
    """Fail where nothing that is installed decompresses the pixels.

    Raises:
        MissingExtraError: Nothing does.
    """
    from pydicom.pixels.decoders.base import get_decoder

    try:
        is_available = syntax is None or get_decoder(syntax).is_available
    except NotImplementedError:
        raise StudyError(where, expected="pixels in a known form", got=f"transfer syntax {syntax}", todo="Nothing here decompresses them.") from None
    if not is_available:
        raise MissingExtraError(
            where,
            expected=f"a decoder for {syntax.name}",
            got="none is installed",
            todo="Install one: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg.",
        )


def _rescaled(values: npt.NDArray[Any], said: Dataset, frame: int) -> npt.NDArray[np.float64]:
    """Give values in their unit where a file of many frames says how, frame by frame or for all (DICOM PS3.3, C.7.6.16.2.9)."""
    import numpy as np

    groups = [*(said.get("PerFrameFunctionalGroupsSequence") or [])[frame : frame + 1], *(said.get("SharedFunctionalGroupsSequence") or [])[:1]]
    found = next((group.PixelValueTransformationSequence[0] for group in groups if group.get("PixelValueTransformationSequence")), None)
    plain = np.asarray(values, dtype=np.float64)
    return plain if found is None else plain * float(found.RescaleSlope) + float(found.RescaleIntercept)


def _shaded(panes: Sequence[_Pane], modality: str) -> list[npt.NDArray[np.uint8]]:
    """Give frames in shades that an eye can tell apart: CT in the window of its body part, others between the percentiles of all of them."""
    import numpy as np

    grey = [pane.values.ravel() for pane in panes if pane.values.ndim == 2]  # noqa: PLR2004 - no colours
    if modality == "CT":
        level, width = _LUNG if any("CHEST" in pane.body_part.upper() or "LUNG" in pane.body_part.upper() for pane in panes) else _SOFT_TISSUE
        low, high = level - width / 2, level + width / 2
    else:
        low, high = np.percentile(np.concatenate(grey), _PERCENTILES) if grey else (0.0, 1.0)
    drawn = []
    for pane in panes:
        if pane.values.ndim == 2:  # noqa: PLR2004 - as above
            shades = np.clip((pane.values - low) / max(high - low, 1e-9), 0, 1)
            drawn.append(np.rint(255 * (1 - shades if pane.is_inverse else shades)).astype(np.uint8))
        else:
            drawn.append(pane.values)
    return drawn


# Slides


def _slide(files: ImageFiles, uris: Sequence[str], where: str) -> tuple[Kind, list[npt.NDArray[np.uint8]], tuple[str, ...]]:
    """Draw a slide, and again with its tissue outlined; of several files the largest opens the others."""
    import numpy as np

    from plait.etl.sources.wsi.slide import SlideFault, read_slide, thumbnail, tissue_mask

    place = files.slide(next((uri for uri in uris if uri.lower().endswith(".mrxs")), uris[0]))
    if place is None:
        raise StudyError(where, expected="a slide in a file of its own", got="one in an archive", todo="Unpack it below the source's path, and run again.")
    try:
        small = thumbnail(place, (_PANE_PIXELS, _PANE_PIXELS))
        beside = read_slide(place).may_identify
    except SlideFault as fault:
        raise StudyError(
            where, expected="a slide", got=f"a file that is {fault.reason}", todo="See whether it is what it was: plait verify --rehash."
        ) from None
    pixels = np.asarray(small.convert("RGB"))
    outlined = pixels.copy()
    outlined[_edge(tissue_mask(small))] = _OUTLINE
    notes = (f"its file holds a picture of its {' and '.join(beside)}, which may name the patient and is not shown",) if beside else ()
    return "slide", [pixels, outlined], notes


def _edge(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give the pixels of a mask that have one beside them that is not in it, or none."""
    import numpy as np

    wide = np.pad(mask, 1)
    inner = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    edge: npt.NDArray[np.bool_] = mask & ~inner
    return edge


def _side_by_side(panes: Sequence[npt.NDArray[np.uint8]]) -> Image:
    """Put panes into a row, each as large as it is or as is allowed."""
    from PIL import Image

    drawn = [Image.fromarray(pane) for pane in panes]
    for one in drawn:
        one.thumbnail((_PANE_PIXELS, _PANE_PIXELS))
    width = sum(one.width for one in drawn) + _GAP_PIXELS * (len(drawn) - 1)
    row = Image.new("L" if all(one.mode == "L" for one in drawn) else "RGB", (width, max(one.height for one in drawn)), "gray")
    left = 0
    for one in drawn:
        row.paste(one, (left, 0))
        left += one.width + _GAP_PIXELS
    return row
