"""An encoder of slides with a vision model: each tile is a picture."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from plait.etl.sources.imaging import need_imaging
from plait.featurestore.encoders.vision import VisionModel, VisionOptions
from plait.featurestore.slides.tiled import SlideEncoder, SlideOptions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from plait.featurestore.encoders.registry import Asked
    from plait.schema.embeddings import Declaration


class TilesOptions(VisionOptions, SlideOptions):
    """What `kind: tiles` may be told."""


class TilesEncoder(SlideEncoder):
    """Turns slides into the pooled vectors of their tiles."""

    def __init__(self, model: VisionModel, options: TilesOptions) -> None:
        super().__init__(options)
        self._model = model

    @cached_property
    def declaration(self) -> Declaration:
        """The declaration."""
        return self._model.declaration(self.slide_options.chain)

    def encode_tiles(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Give the model's vector of each tile."""
        return self._model.encode(pixels)


def open_encoder(asked: Asked) -> TilesEncoder:
    """Open the encoder that a view declares."""
    options = asked.options(TilesOptions)
    need_imaging(asked.where)
    return TilesEncoder(VisionModel.open(asked, options), options)
