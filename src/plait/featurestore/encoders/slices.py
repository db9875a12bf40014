"""An encoder of series with a vision model: some slices as pictures, each with its neighbours for colours (2.5D), and the mean of their vectors."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from plait.featurestore.encoders.one_by_one import OneByOne
from plait.featurestore.encoders.vision import VisionModel, VisionOptions
from plait.featurestore.imaging.chain import SeriesInput, SeriesOptions
from plait.models.model import need

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked
    from plait.featurestore.imaging.volume import Volume
    from plait.schema.embeddings import Declaration

_PERCENTILES = (0.5, 99.5)


class SlicesOptions(VisionOptions, SeriesOptions):
    """What `kind: transformers` may be told of series.

    Attributes:
        slices: How many slices are encoded, at equal steps through the region; 1 is the middle one.
        colours: What red, green and blue are: a slice and its `neighbours` below and above, or thrice the `same`.
        crop_mm: Slices are cut to the region and so much around it; they stay whole if null.
    """

    slices: int = Field(default=1, ge=1)
    colours: Literal["neighbours", "same"] = "neighbours"
    crop_mm: float | None = Field(default=None, ge=0)


class SlicesEncoder(OneByOne[SeriesInput]):
    """Turns series into the mean of the vectors of some slices."""

    def __init__(self, model: VisionModel, options: SlicesOptions) -> None:
        super().__init__()
        self._model, self._options = model, options

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration."""
        options = self._options
        scale = {"shades": "the window"} if options.window else {"shades": f"percentiles {_PERCENTILES} of the region"}
        pictures = {"slices": options.slices, "colours": options.colours, "crop_mm": options.crop_mm, **scale}
        return self._model.declaration({**options.chain, **pictures})

    def encode_one(self, one: SeriesInput) -> tuple[npt.NDArray[np.float32], int]:
        """Give the vector of a series, and how many slices it was pooled from."""
        vectors = self._model.encode(pictures_of(one.load(self._options), self._options))
        return vectors.mean(axis=0, dtype=np.float64).astype(np.float32), len(vectors)


def pictures_of(volume: Volume, options: SlicesOptions) -> npt.NDArray[np.uint8]:
    """Give slices of a prepared volume as pictures, `(n, height, width, 3)`: the patient's left is right, the back below."""
    chosen = volume.chosen
    extent = [(0, size) for size in volume.values.shape] if chosen is None else _extent(chosen)
    low, high = options.window.edges if options.window else np.percentile(volume.values if chosen is None else volume.values[chosen], _PERCENTILES)
    first, last = extent[0]
    count = min(options.slices, last - first)
    middles = first + ((np.arange(count) + 0.5) * (last - first) / count).astype(int)
    steps = (-1, 0, 1) if options.colours == "neighbours" else (0, 0, 0)
    rows, columns = (slice(None), slice(None)) if options.crop_mm is None else _cut(extent, volume, options.crop_mm)
    places = np.clip(middles[:, None] + np.asarray(steps), 0, len(volume.values) - 1)
    shades = (volume.values[:, rows, columns][places] - np.float32(low)) / np.float32(max(high - low, 1e-6))
    pictures: npt.NDArray[np.uint8] = np.rint(np.clip(shades, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return pictures


def _extent(chosen: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the box around voxels that are asked about: along each axis the first place and the one after the last."""
    found = []
    for axis in range(3):
        places = np.flatnonzero(chosen.any(axis=tuple(other for other in range(3) if other != axis)))
        found.append((int(places[0]), int(places[-1]) + 1))
    return found


def _cut(extent: list[tuple[int, int]], volume: Volume, margin_mm: float) -> tuple[slice, slice]:
    """Give the rows and columns of a box and of what is around it."""
    margins = [round(margin_mm / float(spacing)) for spacing in volume.spacing_mm[1:]]
    rows, columns = (slice(max(start - margin, 0), stop + margin) for (start, stop), margin in zip(extent[1:], margins, strict=True))
    return rows, columns


def open_encoder(asked: Asked) -> SlicesEncoder:
    """Open the encoder that a view declares."""
    options = asked.options(SlicesOptions)
    need(("pydicom", "scipy"), asked, "imaging")
    return SlicesEncoder(VisionModel.open(asked, options), options)
