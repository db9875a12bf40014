"""A volume: voxels in the unit of their modality, and where each of them lies in the patient.

Places are in mm in DICOM's patient coordinates (PS3.3, C.7.6.2.1.1): x grows to the patient's left, y to the back, z to the head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]
    Places = npt.NDArray[np.float64]

NumberT = TypeVar("NumberT", np.float32, np.bool_)

_PARALLEL = 1e-3
"""Sine of the angle up to which two directions count as one: scanners round them to six digits or so."""
_ROUNDING = 1e-3
"""Part of a voxel by which a size may miss a whole number."""
_SLAB_VOXELS = 1 << 23
"""Voxels that are resampled at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxels of one series.

    Attributes:
        values: `(slices, rows, columns) float32`: HU of a CT, else what the modality's rescaling gives.
        origin: Centre of the first voxel, `(3,)`: x, y, z in mm.
        steps: Column n is the step from a voxel to the next along axis n of `values`, `(3, 3)`, in mm.
        valid: Voxels that were measured, like `values`; all of them if None. The others have the value of some voxel that was.
        region: Voxels that are asked about, like `values`; all of them if None.
        parts: Slices that it was read from.
    """

    values: Floats
    origin: Places
    steps: Places
    valid: Flags | None = None
    region: Flags | None = None
    parts: int = 1

    @property
    def spacing_mm(self) -> Places:
        """Length of the step along each axis of `values`, `(3,)`."""
        lengths: Places = np.linalg.norm(self.steps, axis=0)
        return lengths

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel, also where slices are sheared against each other (a tilted gantry)."""
        return float(abs(np.linalg.det(self.steps)))

    @property
    def chosen(self) -> Flags | None:
        """Voxels that were measured and are asked about; all of them if None."""
        if self.valid is None or self.region is None:
            return self.region if self.valid is None else self.valid
        return self.valid & self.region

    @property
    def is_sheared(self) -> bool:
        """Whether the axes do not stand at right angles to each other."""
        unit = self.steps / self.spacing_mm
        return bool(np.abs(unit.T @ unit - np.eye(3)).max() > _PARALLEL)

    def oriented(self) -> Self:
        """Turn the axes, without resampling, to the nearest of the patient's: slices to the head, rows to the back, columns to the left.

        Arrays are views of the old ones. What lies oblique stays so.
        """
        unit = self.steps / self.spacing_mm
        targets = (2, 1, 0)  # z, y, x of axes 0, 1, 2
        order = max(permutations(range(3)), key=lambda axes: sum(abs(unit[target, axis]) for target, axis in zip(targets, axes, strict=True)))
        steps, origin = self.steps[:, order].copy(), self.origin.copy()
        turned = [slice(None)] * 3
        for axis, target in enumerate(targets):
            if steps[target, axis] < 0:
                origin += steps[:, axis] * (self.values.shape[order[axis]] - 1)
                steps[:, axis] *= -1
                turned[axis] = slice(None, None, -1)
        key = tuple(turned)
        valid = None if self.valid is None else self.valid.transpose(order)[key]
        region = None if self.region is None else self.region.transpose(order)[key]
        return replace(self, values=self.values.transpose(order)[key], origin=origin, steps=steps, valid=valid, region=region)

    def resampled(self, spacing_mm: tuple[float, float, float]) -> Self:
        """Give the volume on a grid of rectangular voxels, its centre where the old one's is (IBSI reference manual, "Interpolation").

        Values are interpolated linearly; of masks, a voxel is in if at least half of it is. Where the old grid is sheared the new one spans
        it all, and what lies outside of it is not valid.

        Args:
            spacing_mm: Along slices, rows and columns.
        """
        directions = _rectangular(self.steps / self.spacing_mm)
        shape, wanted = np.asarray(self.values.shape), np.asarray(spacing_mm, np.float64)
        corners = np.stack(np.meshgrid(*[(-0.5, size - 0.5) for size in shape], indexing="ij"), axis=-1).reshape(-1, 3)
        along = corners @ self.steps.T @ directions
        extent = along.max(axis=0) - along.min(axis=0)
        counts = np.maximum(np.ceil(extent / wanted - _ROUNDING).astype(int), 1)
        middle = self.origin + self.steps @ ((shape - 1) / 2)
        steps = directions * wanted
        origin = middle - steps @ ((counts - 1) / 2)
        inverse = np.linalg.inv(self.steps)
        matrix, offset = inverse @ steps, inverse @ (origin - self.origin)
        matrix[np.abs(matrix) < 1e-9] = 0.0  # noqa: PLR2004 - rounding of the inverse: a diagonal matrix is resampled axis by axis
        valid = self.valid if self.valid is not None or not self.is_sheared else np.ones(self.values.shape, np.bool_)
        return replace(
            self,
            values=_interpolated(self.values, matrix, offset, counts, "nearest"),
            origin=origin,
            steps=steps,
            valid=None if valid is None else _interpolated(valid, matrix, offset, counts, "grid-constant" if self.is_sheared else "nearest"),
            region=None if self.region is None else _interpolated(self.region, matrix, offset, counts, "nearest"),
        )

    def clipped(self, low: float, high: float) -> Self:
        """Give the volume with values below `low` as `low` and above `high` as `high`: a window."""
        return replace(self, values=np.clip(self.values, np.float32(low), np.float32(high)))

    def within(self, low: float, high: float) -> Self:
        """Give the volume with the region narrowed to values from `low` to `high` (IBSI reference manual, "Re-segmentation", by range)."""
        inside = (self.values >= low) & (self.values <= high)
        return replace(self, region=inside if self.region is None else inside & self.region)


def _rectangular(unit: Places) -> Places:
    """Give directions at right angles, `(3, 3)`: that of columns is kept, that of rows as far as it can be."""
    columns = unit[:, 2]
    rows = unit[:, 1] - columns * (columns @ unit[:, 1])
    rows /= np.linalg.norm(rows)
    slices = np.cross(columns, rows)
    slices *= np.sign(slices @ unit[:, 0])
    return np.stack((slices, rows, columns), axis=1)


def _interpolated(array: npt.NDArray[NumberT], matrix: Places, offset: Places, counts: npt.NDArray[np.int_], outside: str) -> npt.NDArray[NumberT]:
    """Give an array on another grid, some slices at a time: linear between its values, or where it is a mask, at least half in."""
    from scipy.ndimage import affine_transform

    is_mask = array.dtype == np.bool_
    given = array.astype(np.float32) if is_mask else array
    found: npt.NDArray[NumberT] = np.empty(counts, array.dtype)
    is_diagonal = np.array_equal(matrix, np.diag(np.diag(matrix)))
    at_once = max(_SLAB_VOXELS // int(counts[1] * counts[2]), 1)
    for start in range(0, counts[0], at_once):
        stop = min(start + at_once, counts[0])
        moved = offset + matrix[:, 0] * start
        slab = np.empty((stop - start, counts[1], counts[2]), np.float32)
        how = {"output_shape": slab.shape, "output": slab, "order": 1, "mode": outside, "cval": 0.0, "prefilter": False}
        affine_transform(given, np.diag(matrix) if is_diagonal else matrix, moved, **how)
        found[start:stop] = slab >= 0.5 if is_mask else slab  # noqa: PLR2004 - half of a voxel
    return found
