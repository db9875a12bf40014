"""First-order statistics against the values that IBSI publishes for its phantom, and against plain NumPy on raw pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom.data import get_testdata_file

from plait.featurestore.imaging.firstorder import STATISTICS, first_order
from plait.featurestore.imaging.volume import Volume

if TYPE_CHECKING:
    from random import Random

PHANTOM = """
1 4 4 1 1 / 1 4 6 1 1 / 4 1 6 4 1 / 4 4 6 4 1
1 4 4 1 1 / 1 1 6 1 1 / 0 1 3 1 1 / 4 4 6 1 1
1 4 4 0 0 / 1 1 1 1 1 / 1 1 0 1 1 / 1 1 6 1 1
1 4 4 0 0 / 1 1 1 1 1 / 1 1 1 1 1 / 1 1 6 1 1
"""
"""IBSI's digital phantom (reference manual, "Digital phantom"), slice by slice; 0 is outside of its region. Voxels are 2 mm wide."""

PUBLISHED = {
    "mean": 2.15,
    "variance": 3.05,
    "skewness": 1.08,
    "excess_kurtosis": -0.355,
    "median": 1,
    "minimum": 1,
    "p10": 1,
    "p90": 4,
    "maximum": 6,
    "interquartile_range": 3,
    "range": 5,
    "mean_absolute_deviation": 1.55,
    "robust_mean_absolute_deviation": 1.11,
    "energy": 567,
    "root_mean_square": 2.77,
    "entropy": 1.27,
    "uniformity": 0.512,
    "volume_mm3": 592,
}
"""Reference values for it, to the digits that are given; the volume is that of counting voxels."""


def measured(volume: Volume, bin_width: float = 1.0) -> dict[str, float]:
    return dict(zip((one.name for one in STATISTICS), first_order(volume, bin_width).tolist(), strict=True))


def flat(values: np.ndarray) -> Volume:
    return Volume(values.astype(np.float32), np.zeros(3), np.eye(3))


def test_ibsi_phantom() -> None:
    values = np.array([[line.split() for line in block.split(" / ")] for block in PHANTOM.strip().splitlines()], np.float32)
    found = measured(Volume(values, np.zeros(3), 2 * np.eye(3), region=values > 0))
    assert {name: float(f"{found[name]:.3g}") for name in PUBLISHED} == PUBLISHED


def test_raw_pixels_of_a_ct() -> None:
    instance = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    plain = instance.pixel_array.astype(np.float64) * float(instance.RescaleSlope) + float(instance.RescaleIntercept)
    found = measured(Volume(plain[None].astype(np.float32), np.zeros(3), np.diag([5.0, 0.661468, 0.661468])), 25.0)
    mean, sd = plain.mean(), plain.std()
    _, counts = np.unique(np.floor(plain / 25), return_counts=True)
    share = counts / plain.size
    low, high = np.percentile(plain, [10, 90])
    middle = plain[(plain >= low) & (plain <= high)]
    expected = {
        "volume_mm3": plain.size * 5 * 0.661468**2,
        "mean": mean,
        "median": np.median(plain),
        "p25": np.percentile(plain, 25),
        "p75": np.percentile(plain, 75),
        "standard_deviation": sd,
        "skewness": ((plain - mean) ** 3).mean() / sd**3,
        "excess_kurtosis": ((plain - mean) ** 4).mean() / sd**4 - 3,
        "mean_absolute_deviation": np.abs(plain - mean).mean(),
        "robust_mean_absolute_deviation": np.abs(middle - middle.mean()).mean(),
        "energy": (plain**2).sum(),
        "total_energy": (plain**2).sum() * 5 * 0.661468**2,
        "entropy": -(share * np.log2(share)).sum(),
        "uniformity": (share**2).sum(),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_one_value_has_no_shape() -> None:
    found = measured(flat(np.full((2, 3, 4), -7)))
    assert (found["variance"], found["skewness"], found["excess_kurtosis"], found["entropy"], found["uniformity"]) == (0, 0, 0, 0, 1)


@settings(deadline=None)
@given(arrays(np.int16, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(-1000, 3000)), st.randoms())
def test_places_do_not_matter(values: np.ndarray, chance: Random) -> None:
    shuffled = values.ravel().tolist()
    chance.shuffle(shuffled)
    assert first_order(flat(values), 25).tolist() == first_order(flat(np.array(shuffled).reshape(values.shape)), 25).tolist()
    assert np.isfinite(first_order(flat(values), 25)).all()


def test_a_region_without_voxels_has_none() -> None:
    volume = Volume(np.ones((1, 1, 1), np.float32), np.zeros(3), np.eye(3), region=np.zeros((1, 1, 1), np.bool_))
    with pytest.raises(ValueError, match="without voxels"):
        first_order(volume, 1.0)
