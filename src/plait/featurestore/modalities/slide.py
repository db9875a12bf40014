"""Views of whole slides: each slide of the CDM, tile by tile, through an encoder of tiles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from plait.duck import filled, sql
from plait.errors import CohortError, StudyError
from plait.etl.images.files import ImageFiles
from plait.featurestore.encoders.encoder import ItemError
from plait.featurestore.imaging.view import PictureView
from plait.featurestore.items import ItemOptions
from plait.featurestore.slides.kept import tile_file
from plait.featurestore.slides.tiled import SlideInput
from plait.featurestore.view import options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from plait.etl.sources.wsi.slide import Place
    from plait.featurestore.view import Reading
    from plait.settings import FeatureSettings


class SlideViewOptions(ItemOptions):
    """What a view of slides may be told.

    Attributes:
        keep_tiles: What is kept of the tiles of a slide when it is encoded: where they are, or their vectors, too.
    """

    keep_tiles: Literal["coordinates", "vectors", "none"] = "coordinates"


class SlideView(PictureView):
    """Slides of a version, each one an item."""

    options: SlideViewOptions

    at_once = 8

    def inventory(self) -> pl.DataFrame:
        """Give every slide."""
        con = self.reading.con
        con.execute(sql("plait.featurestore.imaging", "image_dated"))
        frame: pl.DataFrame = con.execute(filled(sql("plait.featurestore.modalities", "slides"), {"unreachable": int(Reason.UNREACHABLE)})).pl()
        return frame

    def inputs(self, items: pl.DataFrame) -> list[Any]:
        """Give slides to be read when they are encoded; an `ItemError` of those that are no files of their own."""
        images = items["row_id"].to_list()
        files, roots = self.files(images), self.roots(images)
        given: list[Any] = []
        for image, content in zip(images, items["content"].to_list(), strict=True):
            gone = ItemError(Reason.UNREACHABLE, "plait.yaml does not name its source any more")
            place = self._standing(roots[image], files[image][0]) if image in roots else gone
            if isinstance(place, ItemError):
                given.append(place)
            else:
                keep = None if self.options.keep_tiles == "none" else tile_file(self.reading.study, self.name, self._declared_id, content)
                given.append(SlideInput(place, keep, self.options.keep_tiles == "vectors"))
        return given

    def tiles(self, image_occurrence_id: int) -> pl.DataFrame:
        """Give the tiles of a slide, as they were encoded: `x`, `y` and `side` in pixels of its first level; see `plait.featurestore.slides.kept`.

        Raises:
            CohortError: No such slide in this version.
            StudyError: It was not encoded, or its tiles were not kept.
        """
        import polars as pl

        rows = self.inventory().filter(pl.col("row_id") == image_occurrence_id)
        if not rows.height:
            raise CohortError(f"view '{self.name}'", expected="a slide of this image_occurrence_id", got="none", todo="See cdm.image_occurrence.")
        file = tile_file(self.reading.study, self.name, self.encoder_id or "none", rows["content"][0])
        if not file.is_file():
            raise StudyError(
                f"view '{self.name}', image {image_occurrence_id}", expected="kept tiles", got="none", todo="Encode it, with keep_tiles: plait embed."
            )
        return pl.read_parquet(file)

    @cached_property
    def _declared_id(self) -> str:
        """The encoder that `plait.yaml` declares now; looked for once, as its files may be on a hub."""
        return self.encoder().declaration.encoder_id

    @staticmethod
    def _standing(root: Path | str, uri: str) -> Place | ItemError:
        """Give where a slide's file is."""
        try:
            with ImageFiles(root) as files:
                place = files.slide(uri)
        except FileNotFoundError:
            return ItemError(Reason.UNREACHABLE, "the file is gone")
        except Exception:  # noqa: BLE001 - a system or a server says it in its own way
            return ItemError(Reason.UNREACHABLE, "a link that leads out of its source, or a server that does not answer")
        return ItemError(Reason.UNREACHABLE, "a slide is read from a file of its own, below its source's path") if place is None else place


def open_view(reading: Reading, settings: FeatureSettings) -> SlideView:
    """Open a view of slides."""
    return SlideView(reading, settings.view, settings.modality, options_of(SlideViewOptions, settings))
