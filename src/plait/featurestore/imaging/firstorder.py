"""First-order statistics of a region's intensities, as the Image Biomarker Standardisation Initiative defines them.

IBSI reference manual (Zwanenburg et al., arXiv:1612.07003), "Intensity-based statistical features"; entropy and uniformity from
"Intensity histogram features", in bins of a fixed width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from plait.featurestore.imaging.volume import Volume

    Floats = npt.NDArray[np.float32]
    Doubles = npt.NDArray[np.float64]

_CHUNK = 1 << 20
"""Values whose sums are made at a time, in double; the same values give the same sums."""
_PERCENTILES = (10.0, 25.0, 50.0, 75.0, 90.0)


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic: its name, unit and definition; `unit` is that of the intensities, `mm3`, or none."""

    name: str
    unit: str
    meaning: str


STATISTICS = (
    Statistic("volume_mm3", "mm3", "voxels of the region times the volume of one"),
    Statistic("mean", "intensity", "mean"),
    Statistic("median", "intensity", "50th percentile"),
    Statistic("minimum", "intensity", "least value"),
    Statistic("maximum", "intensity", "greatest value"),
    Statistic("range", "intensity", "greatest less least value"),
    Statistic("p10", "intensity", "10th percentile, linear between values"),
    Statistic("p25", "intensity", "25th percentile"),
    Statistic("p75", "intensity", "75th percentile"),
    Statistic("p90", "intensity", "90th percentile"),
    Statistic("interquartile_range", "intensity", "75th less 25th percentile"),
    Statistic("variance", "intensity squared", "mean squared distance to the mean (of the population)"),
    Statistic("standard_deviation", "intensity", "its root"),
    Statistic("skewness", "none", "third central moment over the cube of the standard deviation; 0 where all values are one"),
    Statistic("excess_kurtosis", "none", "fourth central moment over the squared variance, less 3; 0 where all values are one"),
    Statistic("mean_absolute_deviation", "intensity", "mean distance to the mean"),
    Statistic("robust_mean_absolute_deviation", "intensity", "the same of values from the 10th to the 90th percentile, to the mean of these; 0 where none is"),
    Statistic("energy", "intensity squared", "sum of the squared values"),
    Statistic("total_energy", "intensity squared mm3", "energy times the volume of a voxel"),
    Statistic("root_mean_square", "intensity", "root of the mean squared value"),
    Statistic("entropy", "bits", "Shannon entropy of the histogram in bins of the declared width"),
    Statistic("uniformity", "none", "sum of the squared shares of these bins"),
)
"""The statistics, in the order of a vector."""


def first_order(volume: Volume, bin_width: float) -> npt.NDArray[np.float64]:
    """Give the statistics of a volume's region, `(len(STATISTICS),)` in their order.

    Args:
        volume: With at least one voxel that is asked about.
        bin_width: Width of the histogram's bins, in the unit of the values; bins begin at multiples of it.

    Raises:
        ValueError: No voxel is asked about.
    """
    chosen = volume.chosen
    values = np.sort(volume.values.ravel() if chosen is None else volume.values[chosen])
    if not len(values):
        raise ValueError("a region without voxels")
    p10, p25, median, p75, p90 = (_percentile(values, one) for one in _PERCENTILES)
    least, most, count = float(values[0]), float(values[-1]), len(values)
    total, energy = _sums(values, lambda part: (part, part * part))
    mean = total / count
    absolute, second, third, fourth = (one / count for one in _sums(values, partial(_deviations, mean)))
    is_flat = least == most
    middle = values[_place(values, p10) : _place(values, np.nextafter(p90, np.inf))]
    centre = _sums(middle, lambda part: (part,))[0] / max(len(middle), 1)  # of two values none lies between their percentiles
    shares = _counts(values, bin_width) / count
    found = {
        "volume_mm3": count * volume.voxel_mm3,
        "mean": mean,
        "median": median,
        "minimum": least,
        "maximum": most,
        "range": most - least,
        "p10": p10,
        "p25": p25,
        "p75": p75,
        "p90": p90,
        "interquartile_range": p75 - p25,
        "variance": 0.0 if is_flat else second,
        "standard_deviation": 0.0 if is_flat else second**0.5,
        "skewness": 0.0 if is_flat else third / second**1.5,
        "excess_kurtosis": 0.0 if is_flat else fourth / second**2 - 3,
        "mean_absolute_deviation": absolute,
        "robust_mean_absolute_deviation": _sums(middle, lambda part: (np.abs(part - centre),))[0] / max(len(middle), 1),
        "energy": energy,
        "total_energy": energy * volume.voxel_mm3,
        "root_mean_square": (energy / count) ** 0.5,
        "entropy": float(-(shares * np.log2(shares)).sum()) + 0.0,
        "uniformity": float((shares**2).sum()),
    }
    return np.asarray([found[statistic.name] for statistic in STATISTICS])


def _percentile(values: Floats, percent: float) -> float:
    """Give a percentile of ascending values, linear between them."""
    at = percent / 100 * (len(values) - 1)
    below = int(at)
    low, high = float(values[below]), float(values[min(below + 1, len(values) - 1)])
    return low + (high - low) * (at - below)


def _place(values: Floats, limits: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Give the place of the first of ascending values that is not below each limit, which is a double: the values stay as they are."""
    doubles = np.asarray(limits, np.float64)
    floats = doubles.astype(np.float32)
    above = np.where(floats < doubles, np.nextafter(floats, np.float32(np.inf)), floats)
    return np.searchsorted(values, above, "left")


def _counts(values: Floats, bin_width: float) -> npt.NDArray[np.int64]:
    """Count ascending values in bins that begin at multiples of a width; bins without any are left out."""
    first, last = (math.floor(float(value) / bin_width) for value in (values[0], values[-1]))
    if last - first < len(values):
        counts = np.diff(_place(values, bin_width * np.arange(first + 1, last + 1)), prepend=0, append=len(values))
    else:
        counts = np.unique(np.floor(values.astype(np.float64) / bin_width), return_counts=True)[1]
    return counts[counts > 0]


def _deviations(mean: float, part: Doubles) -> tuple[Doubles, ...]:
    """Give the distance to the mean, and its second, third and fourth power."""
    distance = part - mean
    squared = distance * distance
    return np.abs(distance), squared, squared * distance, squared * squared


def _sums(values: Floats, of: Callable[[Doubles], tuple[Doubles, ...]]) -> list[float]:
    """Sum some functions of values in double, some values at a time."""
    parts = [[float(one.sum()) for one in of(values[start : start + _CHUNK].astype(np.float64))] for start in range(0, max(len(values), 1), _CHUNK)]
    return [float(sum(column)) for column in zip(*parts, strict=True)]
