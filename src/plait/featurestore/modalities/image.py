"""Views of series: each DICOM series of the CDM, or the region that a segmentation draws in it, through an encoder of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from plait.duck import sql
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.imaging.chain import SeriesInput
from plait.featurestore.imaging.view import PictureView
from plait.featurestore.items import ItemOptions
from plait.featurestore.view import options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import polars as pl

    from plait.featurestore.view import Reading
    from plait.settings import FeatureSettings


class ImageOptions(ItemOptions):
    """What a view of series may be told.

    Attributes:
        modalities: DICOM modalities of the series that count.
        region: `whole`: all of a series. `segmentation`: what a SEG of it draws, each SEG an item of its own that is known once both are; a
            series without one is NO_MATERIAL. `segmentation_or_whole`: a SEG where there is one by then, else all of the series.
    """

    modalities: tuple[str, ...] = ("CT",)
    region: Literal["whole", "segmentation", "segmentation_or_whole"] = "whole"


class ImageView(PictureView):
    """Series of a version, each one an item, or several where it has several segmentations."""

    options: ImageOptions

    at_once = 16

    def inventory(self) -> pl.DataFrame:
        """Give every series of the view's modalities; besides what every inventory has, the image that draws its region (`region_id`)."""
        con = self.reading.con
        con.execute(sql("plait.featurestore.imaging", "image_dated"))
        asked = {
            "modalities": list(self.options.modalities),
            "region": self.options.region,
            "unreachable": int(Reason.UNREACHABLE),
            "none": int(Reason.NO_MATERIAL),
        }
        frame: pl.DataFrame = con.execute(sql("plait.featurestore.modalities", "series"), asked).pl()
        return frame

    def explain(self, feature: str) -> dict[str, Any]:
        """Give what a feature is, of which region, and the encoder behind it."""
        return {**super().explain(feature), "modalities": list(self.options.modalities), "region": self.options.region}

    def inputs(self, items: pl.DataFrame) -> list[Any]:
        """Give series to be read when they are encoded; an `ItemError` of those whose source `plait.yaml` no longer names."""
        pairs = list(zip(items["row_id"].to_list(), items["region_id"].to_list(), strict=True))
        images = {image for pair in pairs for image in pair if image is not None}
        files, roots = self.files(images), self.roots(images)
        given: list[Any] = []
        for image, region in pairs:
            if any(one not in roots for one in (image, region) if one is not None):
                given.append(ItemError(Reason.UNREACHABLE, "plait.yaml does not name its source any more"))
            elif region is None:
                given.append(SeriesInput(roots[image], files[image]))
            else:
                given.append(SeriesInput(roots[image], files[image], roots[region], files[region]))
        return given


def open_view(reading: Reading, settings: FeatureSettings) -> ImageView:
    """Open a view of series."""
    return ImageView(reading, settings.view, settings.modality, options_of(ImageOptions, settings))
