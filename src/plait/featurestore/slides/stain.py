"""Numbers of a tile without a model: how much of which stain there is, how it is spread, and how fine its grain is.

Optical densities are those of Beer and Lambert; they are divided into haematoxylin, eosin and what is left with the stain vectors of
Ruifrok and Johnston (Anal. Quant. Cytol. Histol. 23:291, 2001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_STAINS = ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105), (0.268, 0.570, 0.776))
"""Optical density in red, green and blue of haematoxylin, eosin and the residual (DAB's)."""
_STAINED = 0.15
"""Optical density from which on a pixel is stained, in the colour that is absorbed most; the figure is that of Macenko et al. (ISBI 2009)."""
_DENSITIES = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)
_BINS, _WIDTH = 256, 0.01
"""Bins that quantiles are read from, and how wide they are."""
_HISTOGRAM, _HISTOGRAM_WIDTH = 8, 0.1
_QUANTILES = (0.1, 0.5, 0.9)

NAMES = (
    "stained",
    *(f"density_{colour}_{what}" for colour in ("red", "green", "blue") for what in ("mean", "sd")),
    *(f"{stain}_{what}" for stain in ("haematoxylin", "eosin", "residual") for what in ("mean", "sd")),
    *(f"{stain}_p{round(100 * quantile)}" for stain in ("haematoxylin", "eosin") for quantile in _QUANTILES),
    *(f"haematoxylin_bin{place}" for place in range(_HISTOGRAM)),
    *(f"{stain}_grain" for stain in ("haematoxylin", "eosin")),
)
"""What the numbers are called, in their order."""

MEANINGS = {
    "stained": "share of the tile's pixels with an optical density of at least 0.15 in some colour; all other numbers are of these pixels",
    "mean": "mean optical density",
    "sd": "standard deviation of the optical density",
    "p10": "10th percentile of the optical density",
    "p50": "median of the optical density",
    "p90": "90th percentile of the optical density",
    "bin": f"share of pixels in this bin of the optical density; bins are {_HISTOGRAM_WIDTH} wide, the last one is open",
    "grain": "mean absolute difference of optical density from a pixel to the next, right and down",
}


def stain_statistics(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Give the numbers of tiles, `(n, len(NAMES)) float32`, from RGB `(n, height, width, 3)`; 0 where nothing is stained."""
    return np.stack([_of_tile(tile) for tile in pixels]) if len(pixels) else np.empty((0, len(NAMES)), np.float32)


def haematoxylin(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Give the mean optical density of haematoxylin of whole tiles, `(n,) float32`: roughly, how much of each is nuclei."""
    weights = np.linalg.inv(_unit())[:, 0]
    found = np.zeros(len(pixels))
    for place, tile in enumerate(pixels):
        for colour, weight in enumerate(weights):
            found[place] += weight * float(np.bincount(tile[..., colour].ravel(), minlength=256) @ _DENSITIES.astype(np.float64)) / tile[..., colour].size
    return found.astype(np.float32)


def _unit() -> npt.NDArray[np.float64]:
    """Give the stains' vectors at length 1, a row for each."""
    stains = np.asarray(_STAINS)
    unit: npt.NDArray[np.float64] = stains / np.linalg.norm(stains, axis=1, keepdims=True)
    return unit


def _of_tile(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Give the numbers of one tile."""
    densities = [_DENSITIES[pixels[..., colour]] for colour in range(3)]
    weights = np.linalg.inv(_unit()).astype(np.float32)
    stains = [np.maximum(sum(weights[colour, stain] * densities[colour] for colour in range(3)), np.float32(0)) for stain in range(3)]
    is_stained = np.maximum(np.maximum(densities[0], densities[1]), densities[2]) >= _STAINED
    count = int(is_stained.sum())
    if not count:
        return np.zeros(len(NAMES), np.float32)
    chosen = [plane[is_stained] for plane in (*densities, *stains)]
    found = [count / is_stained.size]
    for plane in chosen:
        mean = float(plane.sum(dtype=np.float64)) / count
        found += [mean, float(np.sqrt(np.square(plane - np.float32(mean)).sum(dtype=np.float64) / count))]
    for stain in (0, 1):
        found += _quantiles(chosen[3 + stain])
    found += [float(one) for one in _histogram(chosen[3], _HISTOGRAM, _HISTOGRAM_WIDTH) / count]
    found += [_grain(stains[stain], is_stained) for stain in (0, 1)]
    return np.asarray(found, np.float32)


def _histogram(values: Floats, bins: int, width: float) -> npt.NDArray[np.int64]:
    """Count values in bins from 0 on; what is denser is in the last."""
    places = np.minimum((values / np.float32(width)).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins)


def _quantiles(values: Floats) -> list[float]:
    """Give quantiles to half a bin."""
    counted = _histogram(values, _BINS, _WIDTH).cumsum()
    return [float((np.searchsorted(counted, quantile * counted[-1]) + 0.5) * _WIDTH) for quantile in _QUANTILES]


def _grain(plane: Floats, is_stained: npt.NDArray[np.bool_]) -> float:
    """Give the mean absolute difference between neighbours that are both stained."""
    total, pairs = 0.0, 0
    for axis in (0, 1):
        both = is_stained[1:] & is_stained[:-1] if axis == 0 else is_stained[:, 1:] & is_stained[:, :-1]
        total += float((np.abs(np.diff(plane, axis=axis)) * both).sum(dtype=np.float64))
        pairs += int(both.sum())
    return total / max(pairs, 1)
