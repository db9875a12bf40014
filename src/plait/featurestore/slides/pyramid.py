"""Tiles of a whole slide at a declared resolution, read from the level of its pyramid that is nearest and not coarser.

Places are pixels of the slide's first level, from its upper left corner.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.etl.sources.wsi.slide import SlideFault, open_slide, small_picture, tissue_mask
from plait.featurestore.encoders.encoder import ItemError
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from PIL.Image import Image

    from plait.etl.sources.wsi.slide import Place

    Ints = npt.NDArray[np.int32]

COARSEST = 1.1
"""How much coarser than asked a slide's first level may be: scanners of 20x give 0.499 to 0.505 microns. What is coarser has not the detail."""
_NOT_COARSER = 1.01
"""The same for a level to be read from, where a finer one is there."""
_NOT_SQUARE = 0.02
"""Part by which a pixel may be wider than high."""
MASK_PIXELS = 512
"""Longest side of the picture that tissue is looked for in: that of `plait show`, whose outline is where tiles are."""
_MOST_PIXELS = 1 << 24
"""Pixels of a level that one tile is made from, at most in memory at one time."""
_FAULTS = {
    "vanished": (Reason.UNREACHABLE, "the file is gone"),
    "empty_file": (Reason.UNPARSED, "an empty file"),
    "not_a_slide": (Reason.UNPARSED, "no slide whose pixels OpenSlide or tiffslide reads"),
    "needs_local_file": (Reason.UNREACHABLE, "OpenSlide alone might open it, and it opens no URLs"),
    "truncated_slide": (Reason.UNPARSED, "a slide that ends early"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Where the tiles of a slide are that show enough tissue, row by row.

    Attributes:
        x: Left edge of each, `(n,)`.
        y: Its upper edge, `(n,)`.
        side: Length of their sides.
        tissue: Share of each that is tissue, `(n,) float32`.
    """

    x: Ints
    y: Ints
    side: int
    tissue: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.x)


class Pyramid:
    """An open slide, and how large its pixels are.

    Attributes:
        mpp: Microns per pixel of the first level.
        width: Width of the first level, in pixels.
        height: Its height.
    """

    def __init__(self, slide: Any, assume_mpp: float | None) -> None:  # noqa: ANN401 - of either library
        self._slide = slide
        self.width, self.height = slide.dimensions
        self.mpp = _resolution(slide, assume_mpp)

    def tiles(self, mpp: float, tile_pixels: int, min_tissue: float, most: int | None = None) -> Tiles:
        """Lay a grid of tiles on the slide that do not overlap, and keep those with tissue; what is left of a tile at the right and lower edge is not read.

        Args:
            mpp: Microns per pixel of a tile.
            tile_pixels: Pixels of its sides.
            min_tissue: Share of a tile that must be tissue.
            most: How many tiles are kept; of more, as many at equal steps along the rows.

        Raises:
            ItemError: UNPARSED where the slide is coarser than asked, NO_MATERIAL where no tile has so much tissue.
        """
        if self.mpp > mpp * COARSEST:
            raise ItemError(Reason.UNPARSED, "the slide is coarser than the resolution that is asked for")
        side = tile_pixels * mpp / self.mpp
        across, down = int(self.width / side + _ROUNDING), int(self.height / side + _ROUNDING)
        if not across or not down:
            raise ItemError(Reason.NO_MATERIAL, "the slide is smaller than a tile")
        small = small_picture(self._slide, (MASK_PIXELS, MASK_PIXELS))
        mask = tissue_mask(small)
        scale = mask.shape[1] / self.width, mask.shape[0] / self.height
        share = _shares(mask, side * scale[0] * np.arange(across + 1), side * scale[1] * np.arange(down + 1))
        rows, columns = np.nonzero(share >= min_tissue)
        if not len(rows):
            raise ItemError(Reason.NO_MATERIAL, "no tile has enough tissue")
        if most is not None and len(rows) > most:
            kept = np.linspace(0, len(rows) - 1, most).round().astype(int)
            rows, columns = rows[kept], columns[kept]
        x, y = (np.rint(place * side).astype(np.int32) for place in (columns, rows))
        return Tiles(x, y, round(side), share[rows, columns].astype(np.float32))

    def read(self, tiles: Tiles, mpp: float, tile_pixels: int, at_once: int) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the pixels of tiles in their order, some at a time, `(n, tile_pixels, tile_pixels, 3)` RGB; what is transparent is white.

        Raises:
            ItemError: UNPARSED where a tile cannot be read.
        """
        downsamples = [float(one) for one in self._slide.level_downsamples]
        level = max((n for n, one in enumerate(downsamples) if one * self.mpp <= mpp * _NOT_COARSER), key=lambda n: downsamples[n], default=0)
        side = tile_pixels * mpp / self.mpp
        for start in range(0, len(tiles), at_once):
            places = range(start, min(start + at_once, len(tiles)))
            batch = np.empty((len(places), tile_pixels, tile_pixels, 3), np.uint8)
            for row, place in enumerate(places):
                batch[row] = self._tile(int(tiles.x[place]), int(tiles.y[place]), side, level, downsamples[level], tile_pixels)
            yield batch

    def _tile(self, x: int, y: int, side: float, level: int, downsample: float, tile_pixels: int) -> npt.NDArray[np.uint8]:
        """Read one tile; one that is made of very many pixels in quarters."""
        from PIL import Image

        there = side / downsample
        if there * there > _MOST_PIXELS and tile_pixels > 1:
            half, found = tile_pixels // 2, np.empty((tile_pixels, tile_pixels, 3), np.uint8)
            for top, left in ((0, 0), (0, half), (half, 0), (half, half)):
                size = max(half, tile_pixels - half)
                part = self._tile(round(x + side * left / tile_pixels), round(y + side * top / tile_pixels), side * size / tile_pixels, level, downsample, size)
                found[top : top + size, left : left + size] = part[: tile_pixels - top, : tile_pixels - left]
            return found
        region = self._region(x, y, level, math.ceil(there - _ROUNDING))
        if region.size == (tile_pixels, tile_pixels) and abs(there - tile_pixels) < _ROUNDING:
            return np.asarray(region)
        box = (0.0, 0.0, min(there, region.width), min(there, region.height))
        return np.asarray(region.resize((tile_pixels, tile_pixels), Image.Resampling.BILINEAR, box=box))

    def _region(self, x: int, y: int, level: int, pixels: int) -> Image:
        """Read a square of a level, in RGB.

        Raises:
            ItemError: UNPARSED.
        """
        from PIL import Image

        try:
            region = self._slide.read_region((x, y), level, (pixels, pixels))
        except Exception:  # noqa: BLE001 - libraries raise what they like, with paths in it
            raise ItemError(Reason.UNPARSED, "a tile of the slide cannot be read") from None
        white = Image.new("RGBA", region.size, "white")
        return Image.alpha_composite(white, region.convert("RGBA")).convert("RGB")


_ROUNDING = 1e-6


@contextmanager
def open_pyramid(place: Place, assume_mpp: float | None) -> Iterator[Pyramid]:
    """Open a slide.

    Args:
        place: Where its file is.
        assume_mpp: Microns per pixel of a slide that does not say so itself; such a slide is a fault if None.

    Raises:
        ItemError: UNREACHABLE or UNPARSED.
    """
    try:
        with open_slide(place) as slide:
            yield Pyramid(slide, assume_mpp)
    except SlideFault as fault:
        raise ItemError(*_FAULTS[fault.reason]) from None
    except OSError:
        raise ItemError(Reason.UNREACHABLE, "the file cannot be read") from None


def _resolution(slide: Any, assume_mpp: float | None) -> float:  # noqa: ANN401 - of either library
    """Give microns per pixel of the first level.

    Raises:
        ItemError: UNPARSED where the slide does not say, or its pixels are not square.
    """
    said = [_positive(slide.properties.get(f"{reader}.mpp-{axis}")) for axis in "xy" for reader in ("openslide", "tiffslide")]
    across, down = said[0] or said[1], said[2] or said[3]
    if across is None or down is None:
        if assume_mpp is None:
            raise ItemError(Reason.UNPARSED, "the slide does not say how large its pixels are; assume_mpp would")
        return assume_mpp
    if abs(across / down - 1) > _NOT_SQUARE:
        raise ItemError(Reason.UNPARSED, "the slide's pixels are not square")
    return math.sqrt(across * down)


def _positive(said: object) -> float | None:
    """Give a number that is more than zero, None where there is none."""
    try:
        number = float(str(said))
    except ValueError:
        return None
    return number if 0 < number < math.inf else None


def _shares(mask: npt.NDArray[np.bool_], columns: npt.NDArray[np.float64], rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give which share of each field between lines is in a mask, `(len(rows) - 1, len(columns) - 1)`; lines may cut pixels."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    sums[1:, 1:] = mask.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    inside = np.diff(np.diff(_between(_between(sums, rows).T, columns).T, axis=0), axis=1)
    share: npt.NDArray[np.float64] = inside / (np.diff(rows)[:, None] * np.diff(columns)[None, :])
    return share


def _between(lines: npt.NDArray[np.float64], places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give lines at places between the given ones, linear between them, `(len(places), n)`."""
    at = np.clip(places, 0, len(lines) - 1)
    before = np.minimum(at.astype(int), len(lines) - 2)
    part = (at - before)[:, None]
    found: npt.NDArray[np.float64] = lines[before] * (1 - part) + lines[before + 1] * part
    return found
