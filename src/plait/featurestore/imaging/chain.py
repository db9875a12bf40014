"""What is done to a series before it is encoded: loaded, narrowed to a region, turned, resampled, windowed, as the encoder declares.

Every step that is not declared is not done, and all that are enter the encoder's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from plait.etl.images.files import ImageFiles
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.encoders.registry import EncoderOptions
from plait.featurestore.imaging.segmentation import read_region
from plait.featurestore.imaging.series import MOST_VOXELS, read_series
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.imaging.volume import Volume


class Window(BaseModel):
    """A window of intensities: what is below or above counts as its edge.

    Attributes:
        level: Its middle, HU of a CT.
        width: From its lower to its upper edge.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float
    width: float = Field(gt=0)

    @property
    def edges(self) -> tuple[float, float]:
        """Its lower and its upper edge."""
        return self.level - self.width / 2, self.level + self.width / 2


class SeriesOptions(EncoderOptions):
    """What any encoder of series may be told.

    Attributes:
        spacing_mm: Size of the voxels to resample to: to the patient's left, to the back and to the head; or one number for all; as they are if null.
        range: Least and greatest intensity of voxels that count, HU of a CT; all count if null.
        window: Intensities are clipped to it, after `range` has chosen voxels.
        segment: Of a view with a region from segmentations: number or label of a segment, or the code of its type; all segments together if null.
    """

    spacing_mm: float | tuple[float, float, float] | None = None
    range: tuple[float, float] | None = None
    window: Window | None = None
    segment: int | str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        sizes = self.spacing_mm if isinstance(self.spacing_mm, tuple) else (self.spacing_mm or 1.0,)
        if min(sizes) <= 0:
            raise ValueError("voxels are larger than 0 mm")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError("a range is two numbers, the lower one first")
        return self

    @property
    def chain(self) -> dict[str, Any]:
        """The steps with their parameters, for the encoder's declaration."""
        return {
            "load": "slices along the normal, rescaled to the modality's unit; padding does not count",
            "segment": self.segment,
            "orient": "nearest axes to the head, the back and the left",
            "spacing_mm": None if self.spacing_mm is None else list(self._spacing()),
            "interpolation": "linear, centres aligned; masks from one half",
            "range": None if self.range is None else list(self.range),
            "window": None if self.window is None else list(self.window.edges),
        }

    def _spacing(self) -> tuple[float, float, float]:
        """Give the size of voxels to the left, back and head."""
        if self.spacing_mm is None or isinstance(self.spacing_mm, tuple):
            return self.spacing_mm or (0.0, 0.0, 0.0)
        return self.spacing_mm, self.spacing_mm, self.spacing_mm

    def prepared(self, volume: Volume) -> Volume:
        """Take the steps that follow loading.

        Raises:
            ItemError: UNPARSED where it would be too large, NO_MATERIAL where no voxel is left.
        """
        volume = volume.oriented()
        if self.spacing_mm is not None:
            left, back, head = self._spacing()
            if volume.values.size * volume.voxel_mm3 / (left * back * head) > MOST_VOXELS:
                raise ItemError(Reason.UNPARSED, f"larger than {MOST_VOXELS} voxels once it is resampled")
            volume = volume.resampled((head, back, left))
        if self.range is not None:
            volume = volume.within(*self.range)
        if (chosen := volume.chosen) is not None and not chosen.any():
            raise ItemError(Reason.NO_MATERIAL, "no voxel is in the region")
        return volume if self.window is None else volume.clipped(*self.window.edges)


@dataclass(frozen=True, slots=True)
class SeriesInput:
    """A series to be encoded: its files are read when it is asked for.

    Attributes:
        root: Where the files of its source stand.
        uris: Its files.
        region_root: Where those of the source of its segmentation stand; None where its region is all of it.
        region_uris: Files of the segmentation.
    """

    root: Path | str
    uris: tuple[str, ...]
    region_root: Path | str | None = None
    region_uris: tuple[str, ...] = ()

    def load(self, options: SeriesOptions) -> Volume:
        """Read the series, with its region, and take the steps of the chain.

        Raises:
            ItemError: It cannot be had.
        """
        from dataclasses import replace

        with ImageFiles(self.root) as files:
            volume, series = read_series(files, self.uris)
        if self.region_root is not None:
            with ImageFiles(self.region_root) as files:
                volume = replace(volume, region=read_region(files, self.region_uris, series, options.segment))
        return options.prepared(volume)
