"""What views of series and of slides share: items are images of the version, and features have the names that their encoder gives them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from plait.duck import sql
from plait.featurestore.encoders.registry import Asked, open_encoder
from plait.featurestore.items import ItemView
from plait.schema.embeddings import registered

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from plait.featurestore.encoders.encoder import Encoder


class PictureView(ItemView):
    """A view of images."""

    table_name = "image_occurrence"

    def encoder(self) -> Encoder:
        """Open the encoder."""
        return open_encoder(Asked(self.reading.study, self.name, self.modality, self.options.encoder))

    def explain(self, feature: str) -> dict[str, Any]:
        """Give what a feature is, the encoder behind it and all that was done to the pixels first."""
        found, named = super().explain(feature), self._named
        encoder = found["encoder"]
        if named and self.options.reduce != "count":
            found["statistic"] = named[found["dimension"]]
        if encoder:  # all statistics with all their meanings tell nothing of this one
            found["encoder"] = {**encoder, "preprocessing": {key: value for key, value in encoder["preprocessing"].items() if key != "features"}}
        return found

    def files(self, images: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """Give the files of images, the largest first, by `image_occurrence_id`."""
        rows = self.reading.con.execute(sql("plait.featurestore.imaging", "files_of_images"), {"images": sorted(set(images))}).fetchall()
        found: dict[int, list[str]] = defaultdict(list)
        for image, uri in rows:
            found[image].append(uri)
        return {image: tuple(uris) for image, uris in found.items()}

    def roots(self, images: Iterable[int]) -> dict[int, Path | str]:
        """Give where the files of the sources of images stand, of those that `plait.yaml` still names, by `image_occurrence_id`."""
        paths = {source.name: source.url or source.path for source in self.reading.settings.sources}
        rows = self.reading.con.execute(sql("plait.featurestore.imaging", "sources_of_images"), {"images": sorted(set(images))}).fetchall()
        return {image: paths[source] for image, source in rows if source in paths}

    @property
    def _named(self) -> list[dict[str, str]]:
        """What the encoder calls its features, and what they are; nothing where it only numbers them."""
        found = registered(self.reading.study, self.name, self.declared) or {}
        named: list[dict[str, str]] = found.get("preprocessing", {}).get("features", [])
        return named

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(one["name"] for one in self._named) or super()._names
