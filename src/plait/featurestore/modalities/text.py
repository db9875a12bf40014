"""Views of notes: each note of the CDM through a text encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.duck import filled, sql
from plait.featurestore.encoders.registry import Asked, open_encoder
from plait.featurestore.items import ItemOptions, ItemView
from plait.featurestore.view import options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import polars as pl

    from plait.featurestore.encoders.encoder import Encoder
    from plait.featurestore.view import Reading
    from plait.settings import FeatureSettings


class TextOptions(ItemOptions):
    """What a view of notes may be told.

    Attributes:
        note_types: Concept ids of `note_type_concept_id` that count; all if left out.
        note_classes: Concept ids of `note_class_concept_id` that count; all if left out.
        note_codes: Values of `note_source_value` that count, as the source codes its notes; all if left out.
    """

    note_types: tuple[int, ...] = ()
    note_classes: tuple[int, ...] = ()
    note_codes: tuple[str, ...] = ()


class TextView(ItemView):
    """Notes of a version, each one an item."""

    table_name = "note"
    options: TextOptions
    at_once = 1_024

    def inventory(self) -> pl.DataFrame:
        """Give every note; one without text is NO_MATERIAL."""
        wanted: dict[str, Any] = {"types": list(self.options.note_types), "classes": list(self.options.note_classes), "codes": list(self.options.note_codes)}
        wanted |= {"observed": int(Reason.OBSERVED), "no_material": int(Reason.NO_MATERIAL)}
        frame: pl.DataFrame = self.reading.con.execute(filled(sql("plait.featurestore.modalities", "notes"), wanted)).pl()
        return frame

    def encoder(self) -> Encoder:
        """Open the text encoder."""
        return open_encoder(Asked(self.reading.study, self.name, self.modality, self.options.encoder))

    def inputs(self, items: pl.DataFrame) -> list[Any]:
        """Give the text of some notes."""
        con = self.reading.con
        con.register("wanted_notes", items.select("row_id").with_row_index("place").to_arrow())
        try:
            texts: pl.DataFrame = con.execute(sql("plait.featurestore.modalities", "note_texts")).pl()
        finally:
            con.unregister("wanted_notes")
        return texts["note_text"].to_list()


def open_view(reading: Reading, settings: FeatureSettings) -> TextView:
    """Open a view of notes."""
    return TextView(reading, settings.view, settings.modality, options_of(TextOptions, settings))
