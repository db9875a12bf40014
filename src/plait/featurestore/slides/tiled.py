"""Encoders of whole slides: tiles with tissue at a declared resolution, each encoded, and pooled into one vector."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from plait.featurestore.encoders.one_by_one import OneByOne
from plait.featurestore.encoders.registry import EncoderOptions
from plait.featurestore.slides.kept import TileFile
from plait.featurestore.slides.pyramid import MASK_PIXELS, open_pyramid
from plait.featurestore.slides.stain import haematoxylin

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from plait.etl.sources.wsi.slide import Place

    Floats = npt.NDArray[np.float32]

_PIXELS_AT_ONCE = 1 << 21
"""Pixels of tiles that are in memory together: 32 tiles of 256 by 256."""


class SlideOptions(EncoderOptions):
    """What any encoder of slides may be told.

    Attributes:
        mpp: Microns per pixel of the tiles.
        tile_pixels: Their width and height.
        min_tissue: Share of a tile that must be tissue.
        max_tiles: How many tiles of a slide are read; of more, as many at equal steps; all if null.
        pool_tiles: The vector of a slide: the `mean` of all tiles, or of the `top`: the `top_tiles` with most haematoxylin, roughly those with most nuclei.
        top_tiles: See `pool_tiles`.
        assume_mpp: Microns per pixel of slides that do not say so themselves; these are UNPARSED if null.
    """

    mpp: float = Field(default=0.5, gt=0)
    tile_pixels: int = Field(default=256, ge=16, le=4096)
    min_tissue: float = Field(default=0.5, gt=0, le=1)
    max_tiles: int | None = Field(default=None, ge=1)
    pool_tiles: Literal["mean", "top"] = "mean"
    top_tiles: int = Field(default=16, ge=1)
    assume_mpp: float | None = Field(default=None, gt=0)

    @property
    def chain(self) -> dict[str, Any]:
        """What is done to a slide, for the encoder's declaration."""
        steps = self.model_dump(mode="json", include={"mpp", "tile_pixels", "min_tissue", "max_tiles", "pool_tiles", "assume_mpp"})
        top = {"top_tiles": self.top_tiles} if self.pool_tiles == "top" else {}
        return {**steps, **top, "tissue": f"Otsu on saturation, {MASK_PIXELS} pixels", "resample": "bilinear, from the nearest level that is not coarser"}


@dataclass(frozen=True, slots=True)
class SlideInput:
    """A slide to be encoded: its pixels are read when it is asked for.

    Attributes:
        place: Where its file is; the largest where it has several.
        keep: File in which its tiles are kept; they are not if None.
        keep_vectors: Whether their vectors are kept, too.
    """

    place: Place
    keep: Path | None = None
    keep_vectors: bool = False


class SlideEncoder(OneByOne[SlideInput]):
    """Turns slides into vectors, tile by tile: a kind of encoder says what becomes of tiles."""

    def __init__(self, options: SlideOptions) -> None:
        super().__init__()
        self.slide_options = options

    @abstractmethod
    def encode_tiles(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Give the vector of each tile, `(n, dim)`, from RGB `(n, tile_pixels, tile_pixels, 3)`."""

    def encode_one(self, one: SlideInput) -> tuple[Floats, int]:
        """Give the vector of a slide, and how many tiles it was pooled from; their places are kept where they are asked for."""
        options, declaration = self.slide_options, self.declaration
        pool = _Pool(declaration.dim, options.top_tiles if options.pool_tiles == "top" else None)
        at_once = max(_PIXELS_AT_ONCE // options.tile_pixels**2, 1)
        with ExitStack() as stack:
            pyramid = stack.enter_context(open_pyramid(one.place, options.assume_mpp))
            tiles = pyramid.tiles(options.mpp, options.tile_pixels, options.min_tissue, options.max_tiles)
            kept = None if one.keep is None else stack.enter_context(TileFile(one.keep, declaration, tiles, vectors=one.keep_vectors))
            for pixels in pyramid.read(tiles, options.mpp, options.tile_pixels, at_once):
                vectors, stained = self.encode_tiles(pixels), haematoxylin(pixels)
                pool.add(vectors, stained)
                if kept is not None:
                    kept.write(vectors, stained)
        return pool.vector, pool.parts


class _Pool:
    """The mean of vectors that come some at a time: of all, or of those with most of something."""

    def __init__(self, dim: int, top: int | None) -> None:
        self._top, self._sum, self._count = top, np.zeros(dim), 0
        self._best, self._scores = np.empty((0, dim), np.float32), np.empty(0, np.float32)

    def add(self, vectors: Floats, scores: Floats) -> None:
        """Add vectors `(n, dim)` with how much they have of it `(n,)`."""
        if self._top is None:
            self._sum += vectors.sum(axis=0, dtype=np.float64)
            self._count += len(vectors)
            return
        vectors, scores = np.concatenate((self._best, vectors)), np.concatenate((self._scores, scores))
        kept = np.sort(np.argsort(-scores, kind="stable")[: self._top])  # of two that have as much, the earlier one
        self._best, self._scores = vectors[kept], scores[kept]

    @property
    def parts(self) -> int:
        """How many vectors the mean is of."""
        return self._count if self._top is None else len(self._best)

    @property
    def vector(self) -> Floats:
        """The mean."""
        mean = self._sum / self._count if self._top is None else self._best.mean(axis=0, dtype=np.float64)
        found: Floats = mean.astype(np.float32)
        return found
