"""Voxels keep their places: a linear function of the place is the same function after turning and resampling, whatever the grid was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plait.featurestore.imaging.volume import Volume

SLOPE, LEVEL = np.array([0.7, -1.3, 2.1]), 40.0

numbers = st.floats(-1, 1).map(lambda one: round(one, 3))


def places(volume: Volume) -> np.ndarray:
    """Centres of all voxels, in mm."""
    indices = np.stack(np.meshgrid(*map(np.arange, volume.values.shape), indexing="ij"), axis=-1)
    return indices @ volume.steps.T + volume.origin


def drawn(shape: tuple[int, int, int], origin: np.ndarray, steps: np.ndarray) -> Volume:
    """A volume whose values are a linear function of the place."""
    empty = Volume(np.zeros(shape, np.float32), origin, steps)
    return Volume((places(empty) @ SLOPE + LEVEL).astype(np.float32), origin, steps)


@st.composite
def grids(draw: st.DrawFn) -> Volume:
    """A volume on a grid that is turned, and may be sheared along its slices as a tilted gantry does."""
    turned, _ = np.linalg.qr(np.array(draw(st.lists(numbers, min_size=9, max_size=9))).reshape(3, 3) + np.eye(3) * draw(st.sampled_from([0, 3])))
    steps = turned * draw(st.tuples(*[st.sampled_from([0.7, 1.0, 2.5])] * 3))
    steps[:, 0] += steps[:, 1] * draw(st.sampled_from([0.0, 0.0, 0.4]))
    assume(abs(np.linalg.det(steps)) > 1e-3)
    shape = draw(st.tuples(*[st.integers(1, 7)] * 3))
    return drawn(shape, np.array(draw(st.tuples(*[st.integers(-50, 50)] * 3)), float), steps)


@settings(deadline=None)  # SciPy is imported on the way
@given(grids())
def test_turning_moves_no_voxel(volume: Volume) -> None:
    turned = volume.oriented()
    assert np.allclose(turned.values, places(turned) @ SLOPE + LEVEL, atol=1e-3)
    assert sorted(turned.values.shape) == sorted(volume.values.shape)
    assert turned.voxel_mm3 == pytest.approx(volume.voxel_mm3)
    unit = turned.steps / turned.spacing_mm
    assert all(unit[target, axis] >= 0 for axis, target in enumerate((2, 1, 0)))


@settings(deadline=None)  # SciPy is imported on the way
@given(grids(), st.tuples(*[st.sampled_from([0.5, 1.0, 1.7])] * 3))
def test_resampling_keeps_a_linear_function(volume: Volume, spacing_mm: tuple[float, float, float]) -> None:
    found = volume.resampled(spacing_mm)
    there = (places(found) - volume.origin) @ np.linalg.inv(volume.steps).T
    inside = np.all((there >= 0) & (there <= np.array(volume.values.shape) - 1), axis=-1)
    assert np.allclose(found.values[inside], (places(found) @ SLOPE + LEVEL)[inside], atol=1e-3)
    assert np.allclose(found.spacing_mm, spacing_mm)
    assert not found.is_sheared
    assert np.allclose(places(found).mean(axis=(0, 1, 2)), places(volume).mean(axis=(0, 1, 2)), atol=1e-6)


def test_what_a_sheared_grid_does_not_reach_is_not_valid() -> None:
    steps = np.array([[0, 0, 1.0], [1.0, 1, 0], [2.0, 0, 0]])
    found = drawn((6, 10, 10), np.zeros(3), steps).resampled((2.0, 1.0, 1.0))
    assert found.values.shape[1] > 10
    assert found.valid is not None
    assert found.valid.sum() == pytest.approx(600, rel=0.1)


def test_a_region_keeps_its_volume() -> None:
    volume = Volume(np.zeros((20, 30, 30), np.float32), np.zeros(3), np.array([[0, 0, 1.5], [0, 1.5, 0], [3.0, 0, 0]]), region=np.zeros((20, 30, 30), np.bool_))
    volume.region[4:14, 5:25, 6:26] = True
    finer = volume.resampled((1.0, 1.0, 1.0))
    assert finer.region.sum() * finer.voxel_mm3 == pytest.approx(volume.region.sum() * volume.voxel_mm3, rel=0.05)


def test_a_window_clips_and_a_range_chooses() -> None:
    volume = Volume(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.zeros(3), np.eye(3))
    assert volume.clipped(2, 5).values.ravel().tolist() == [2, 2, 2, 3, 4, 5, 5, 5]
    assert volume.within(2, 5).within(3, 9).chosen.ravel().tolist() == [False] * 3 + [True] * 3 + [False] * 2
