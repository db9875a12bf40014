"""An encoder of slides without a model: stains of their tiles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from plait.etl.sources.imaging import need_imaging
from plait.featurestore.slides.stain import MEANINGS, NAMES, stain_statistics
from plait.featurestore.slides.tiled import SlideEncoder, SlideOptions
from plait.schema.embeddings import Declaration

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked


class StainEncoder(SlideEncoder):
    """Turns slides into the numbers of `plait.featurestore.slides.stain.NAMES`."""

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration: there are no weights."""
        options = self.slide_options
        features = [{"name": name, "meaning": _meaning(name)} for name in NAMES]
        preprocessing = {**options.chain, "stains": "Ruifrok and Johnston 2001", "features": features}
        return Declaration(options.name or "stain", options.version, "", preprocessing, len(NAMES))

    def encode_tiles(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Give the numbers of each tile."""
        return stain_statistics(pixels)


def _meaning(name: str) -> str:
    """Give what a number is: of what, and which statistic."""
    what, _, statistic = name.rpartition("_")
    return f"{what.replace('_', ' ')}: {MEANINGS[statistic.rstrip('0123456789') if statistic.startswith('bin') else statistic]}" if what else MEANINGS[name]


def open_encoder(asked: Asked) -> StainEncoder:
    """Open the encoder that a view declares.

    Raises:
        MissingExtraError: The packages for images are not installed.
    """
    options = asked.options(SlideOptions)
    need_imaging(asked.where)
    return StainEncoder(options)
