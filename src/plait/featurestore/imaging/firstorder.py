"""First-order statistics of a region's intensities, as the Image Biomarker Standardisation Initiative defines them.

IBSI reference manual (Zwanenburg et al., arXiv:1612.07003), "Intensity-based statistical features"; entropy and uniformity from
"Intensity histogram features", in bins of a fixed width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from plait.featurestore.imaging.volume import Volume

    Floats = npt.NDArray[np.float32]

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
    p10, p25, median, p75, p90 = (float(one) for one in np.percentile(values, _PERCENTILES))
    least, most, count = float(values[0]), float(values[-1]), len(values)
    mean = _sum(values, np.asarray) / count
    second, third, fourth = _moments(values, mean)
    is_flat = least == most
    middle = values[np.searchsorted(values, p10, "left") : np.searchsorted(values, p90, "right")]
    centre = _sum(middle, np.asarray) / max(len(middle), 1)  # of two values none lies between their percentiles
    energy = _sum(values, np.square)
    bins = np.floor(values.astype(np.float64) / bin_width)
    shares = np.diff(np.flatnonzero(np.concatenate(([True], bins[1:] != bins[:-1], [True])))) / count
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
        "mean_absolute_deviation": _sum(values, lambda part: np.abs(part - mean)) / count,
        "robust_mean_absolute_deviation": _sum(middle, lambda part: np.abs(part - centre)) / max(len(middle), 1),
        "energy": energy,
        "total_energy": energy * volume.voxel_mm3,
        "root_mean_square": (energy / count) ** 0.5,
        "entropy": float(-(shares * np.log2(shares)).sum()) + 0.0,
        "uniformity": float((shares**2).sum()),
    }
    return np.asarray([found[statistic.name] for statistic in STATISTICS])


def _moments(values: Floats, mean: float) -> tuple[float, float, float]:
    """Give the second, third and fourth central moment."""
    second, third, fourth = (_sum(values, partial(_power, mean, power)) / len(values) for power in (2, 3, 4))
    return second, third, fourth


def _power(mean: float, power: int, part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give a power of the distance to the mean."""
    raised: npt.NDArray[np.float64] = (part - mean) ** power
    return raised


def _sum(values: Floats, of: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> float:
    """Sum a function of values in double, some at a time."""
    return float(sum(float(of(part).sum()) for part in _parts(values)))


def _parts(values: Floats) -> Iterator[npt.NDArray[np.float64]]:
    """Yield values in double, some at a time."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK].astype(np.float64)
