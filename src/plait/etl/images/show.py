"""`plait show`: a picture of an image, for a person to see whether it is linked to whom it belongs."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.duck import sql
from plait.errors import ConfigError, InputFileError
from plait.etl.images.files import ImageFiles, NotOpenable
from plait.etl.sources.dicom.headers import need_imaging

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb
    import numpy.typing as npt
    from PIL.Image import Image
    from pydicom.dataset import Dataset

    from plait.settings import Settings

_SLICES = 3
_SIDE = 512
"""Most pixels of a picture's side."""
_WINDOWS = {"CHEST": (-600.0, 1500.0), "LUNG": (-600.0, 1500.0), "BRAIN": (40.0, 80.0), "HEAD": (40.0, 80.0)}
_SOFT_TISSUE = (40.0, 400.0)
"""Centre and width of a window in HU, by body part: those that radiologists read by."""
_OUTLINE = (0, 160, 60)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was written: where, of what modality, of how many files it is part, and what to beware of."""

    path: Path
    modality: str
    files: int
    warnings: tuple[str, ...]


def show_image(con: duckdb.DuckDBPyConnection, settings: Settings, item: str, target: Path, *, force: bool) -> Shown:
    """Write a PNG of an image: the middle slices of a series, or a slide beside itself with its tissue outlined.

    Args:
        con: A connection to a study, as `plait.Study.connect` gives it.
        settings: Say where the sources are.
        item: An image_occurrence_id, or the UID of a series, or the name of a slide.
        target: The file to write.
        force: Whether a file that is there may be replaced.

    Raises:
        ConfigError: No such image, one without a picture, or a file that is there already.
        InputFileError: A file of it is gone, or its pixels cannot be read.
        MissingExtraError: The packages for images are not installed.
    """
    need_imaging("pictures")
    found = con.execute(sql("plait.etl.images", "image_shown"), {"item": item}).fetchall()
    if not found:
        raise ConfigError(f"image '{item}'", expected="an image_occurrence_id, or the UID of a series", got="no such image", todo="See plait.image_item.")
    if target.exists() and not force:
        raise ConfigError(target, expected="a new file", got="one that is there", todo="Name another with -o, or replace it with --force.")
    _, source, modality = found[0][:3]
    uris = [uri for *_, uri in found]
    root = next((entry.path for entry in settings.sources if entry.name == source), None)
    if root is None:
        raise ConfigError("plait.yaml", expected=f"the source '{source}', which has the image", got="none of that name", todo="Put it back.")
    with ImageFiles(root) as files:
        try:
            picture, warnings = _of_slide(files, uris[0]) if modality == "SM" else _of_series(files, uris)
        except NotOpenable as error:
            raise ConfigError(
                f"image '{item}'", expected="files that can be opened", got="references to elsewhere", todo=error.todo or "Fetch it, and index that."
            ) from None
        except FileNotFoundError:
            raise InputFileError(f"image '{item}'", expected="its files", got="at least one that is gone", todo="See what `plait verify` says.") from None
    picture.save(target, format="PNG")
    return Shown(target, modality, len(uris), warnings)


def _of_slide(files: ImageFiles, uri: str) -> tuple[Image, tuple[str, ...]]:
    """Draw a slide, and beside it the same with the outline of its tissue."""
    from pathlib import Path

    import numpy as np
    from PIL import Image

    from plait.etl.sources.wsi.slide import SlideFault, read_slide, thumbnail, tissue_mask

    path = files.path(uri)
    if path is None:
        raise NotOpenable
    try:
        small = thumbnail(Path(path), (_SIDE, _SIDE))
        facts = read_slide(Path(path))
    except SlideFault as fault:
        if fault.reason == "vanished":
            raise FileNotFoundError from None
        raise InputFileError(uri, expected="a slide whose pixels can be read", got=fault.reason, todo="Deliver it again.") from None
    mask = tissue_mask(small)
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    outlined = np.asarray(small).copy()
    outlined[mask & ~inner] = _OUTLINE
    names = ", ".join(facts.may_identify)
    return _beside([small, Image.fromarray(outlined)]), ((f"it comes with a picture that may name the patient ({names})",) if names else ())


def _of_series(files: ImageFiles, uris: Sequence[str]) -> tuple[Image, tuple[str, ...]]:
    """Draw the three middle slices of a series, or the middle frames of its one file."""
    places = sorted((_place(_header(files, uri)), uri) for uri in uris)
    middle = _middle([uri for _, uri in places])
    slices: list[Image] = []
    is_burned_in = False
    for uri in middle:
        header, pixels = _pixels(files, uri)
        is_burned_in |= str(header.get("BurnedInAnnotation", "")).upper() == "YES"
        frames = _middle(list(range(int(header.get("NumberOfFrames") or 1)))) if len(uris) == 1 else [0]
        stack = pixels if int(header.get("NumberOfFrames") or 1) > 1 else pixels[None]
        slices += [_windowed(header, stack[frame]) for frame in frames]
    return _beside(slices), (("text is burned into its pixels, which may name the patient",) if is_burned_in else ())


def _middle(items: list[Any]) -> list[Any]:
    """Give the three in the middle."""
    first = max(0, (len(items) - _SLICES) // 2)
    return items[first : first + _SLICES]


def _header(files: ImageFiles, uri: str) -> Dataset:
    """Read where a slice lies."""
    import pydicom

    tags = ["ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber", "NumberOfFrames"]
    with files.open(uri) as file:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags, force=True)


def _place(header: Dataset) -> tuple[float, int]:
    """Give where a slice lies along the normal of its plane (DICOM PS3.3 C.7.6.2.1.1), and its number."""
    import numpy as np

    number = int(header.get("InstanceNumber") or 0)
    position, plane = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    if not position or not plane:
        return 0.0, number
    across, down = np.asarray(plane[:3], dtype=float), np.asarray(plane[3:], dtype=float)
    return float(np.cross(across, down) @ np.asarray(position, dtype=float)), number


def _pixels(files: ImageFiles, uri: str) -> tuple[Dataset, npt.NDArray[Any]]:
    """Read a file whole, and give its values: `(rows, columns)`, with frames before and colours behind where it has them."""
    import pydicom

    with files.open(uri) as file:
        header = pydicom.dcmread(io.BytesIO(file.read()), force=True)
    if "PixelData" not in header:
        raise ConfigError(
            uri, expected="an image with pixels", got="one without", todo="Show the series that it was made from (plait.image_item.derived_from_id)."
        )
    try:
        return header, header.pixel_array
    except Exception as error:  # noqa: BLE001 - pydicom and its decoders raise what they like
        todo = "Install what decodes it: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg" if header.file_meta.TransferSyntaxUID.is_compressed else ""
        raise InputFileError(uri, expected="pixels that can be read", got=type(error).__name__, todo=todo or "Deliver it again.") from None


def _windowed(header: Dataset, pixels: npt.NDArray[Any]) -> Image:
    """Give a slice in grey, or in the colours that it has."""
    import numpy as np
    from PIL import Image

    if int(header.get("SamplesPerPixel") or 1) > 1:
        return _small(Image.fromarray(pixels.astype(np.uint8)))
    values = pixels * float(header.get("RescaleSlope") or 1) + float(header.get("RescaleIntercept") or 0)
    if header.get("Modality") == "CT":
        centre, width = _WINDOWS.get(str(header.get("BodyPartExamined", "")).upper(), _SOFT_TISSUE)
        low, high = centre - width / 2, centre + width / 2
    else:
        low, high = np.percentile(values, (1, 99))
    grey = np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        grey = 255 - grey
    return _small(Image.fromarray(grey.round().astype(np.uint8)).convert("RGB"))


def _small(picture: Image) -> Image:
    """Give a picture no larger than pictures are."""
    picture.thumbnail((_SIDE, _SIDE))
    return picture


def _beside(pictures: Sequence[Image]) -> Image:
    """Put pictures side by side on white, with a gap."""
    from PIL import Image

    gap = 4
    whole = Image.new("RGB", (sum(one.width for one in pictures) + gap * (len(pictures) - 1), max(one.height for one in pictures)), "white")
    left = 0
    for one in pictures:
        whole.paste(one, (left, 0))
        left += one.width + gap
    return whole
