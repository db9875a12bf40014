"""An encoder of series without a model: first-order statistics of the region's intensities (IBSI)."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from plait.errors import MissingExtraError
from plait.featurestore.encoders.one_by_one import OneByOne
from plait.featurestore.imaging.chain import SeriesInput, SeriesOptions
from plait.featurestore.imaging.firstorder import STATISTICS, first_order
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked


class FirstOrderOptions(SeriesOptions):
    """What `kind: first-order` may be told.

    Attributes:
        bin_width: Width of the histogram's bins that entropy and uniformity are of, HU of a CT.
    """

    bin_width: float = Field(default=25.0, gt=0)


class FirstOrderEncoder(OneByOne[SeriesInput]):
    """Turns series into the statistics of `plait.featurestore.imaging.firstorder.STATISTICS`."""

    def __init__(self, options: FirstOrderOptions) -> None:
        super().__init__()
        self._options = options

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration: there are no weights."""
        options = self._options
        features = [{"name": one.name, "unit": one.unit, "meaning": one.meaning} for one in STATISTICS]
        preprocessing = {**options.chain, "bin_width": options.bin_width, "features": features}
        return Declaration(options.name or "first-order", options.version, "", preprocessing, len(STATISTICS))

    def encode_one(self, one: SeriesInput) -> tuple[npt.NDArray[np.float32], int]:
        """Give the statistics of a series, and the number of its slices."""
        volume = one.load(self._options)
        return first_order(volume, self._options.bin_width).astype(np.float32), volume.parts


def open_encoder(asked: Asked) -> FirstOrderEncoder:
    """Open the encoder that a view declares.

    Raises:
        MissingExtraError: The packages for images are not installed.
    """
    options = asked.options(FirstOrderOptions)
    if any(find_spec(name) is None for name in ("pydicom", "scipy")):
        raise MissingExtraError(asked.where, expected="pydicom and scipy", got="not all are installed", todo="Install them: pip install 'plait[imaging]'.")
    return FirstOrderEncoder(options)
