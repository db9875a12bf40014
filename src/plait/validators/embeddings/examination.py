"""What each check of an embedding table counts, and which rows, items, parts or sources offend it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from plait.etl.crosswalk import all_persons, former_persons
from plait.schema.embeddings import KEY
from plait.schema.reasons import Reason
from plait.validators.counted import Counted, Figure
from plait.validators.embeddings.drift import compared, drift_figure, drifted, profile_before
from plait.validators.embeddings.gate import OF_THE_ITEM, check_items
from plait.validators.embeddings.rules import constant_dimensions, misregistered, shared_rows, sound, table_figures
from plait.validators.embeddings.scan import DIMENSION, NO_PIECE, NO_VECTOR, NOT_FINITE, WRONG_ENCODER, WRONG_NORM, Scanned, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    from plait.validators.examiner import Examined, Items
    from plait.validators.suite import Check

_OF_A_ROW = {
    "embeddingEncoder": WRONG_ENCODER,
    "embeddingStatus": NO_VECTOR,
    "embeddingFinite": NOT_FINITE,
    "embeddingNorm": WRONG_NORM,
    "embeddingPieces": NO_PIECE,
}
"""What is wrong with a row by itself, by the check that counts it."""

_OF_ITS_ITEM = {"embeddingTime": (2,), "embeddingLife": (3, 4), "embeddingKnown": (5,)}
"""What is wrong with a row's times, as places in `OF_THE_ITEM`, by the check that counts it."""

_SHOWN = ("source", "item", "person_id", "event_time", "known_time", "status", "detail", "parts", "norm")
_DRIFT = ("embeddingDrift", "embeddingNormDrift")


class Table:
    """An embedding table and the items of its view.

    Args:
        examined: The version of the study.
        view: The view.
        items: Its items in that version.
        scanned: Its table.
    """

    def __init__(self, examined: Examined, view: str, items: Items, scanned: Scanned) -> None:
        self._examined, self.view, self.items, self.scanned = examined, view, items, scanned

    @property
    def table_name(self) -> str:
        """The table of the CDM whose rows the items are."""
        return self.items.table_name

    def figure(self, check: Check) -> Figure:
        """Give what a check counts."""
        name = check.type.name
        if not self.scanned.parts:
            return "it has no parts yet"
        if name in self._figures:
            return self._figures[name]
        if name in _DRIFT:
            return drift_figure(self._drift, name)
        found = self.offending(check)
        assert not isinstance(found, str)  # noqa: S101 - for the type checker: only drift says why not
        return Counted(found.height, self._of(name))

    def offending(self, check: Check) -> pl.DataFrame | str:
        """Give what offends a check; why there is nothing to say, where there is nothing."""
        import polars as pl

        name, rows = check.type.name, self.scanned.rows
        if name in _OF_A_ROW:
            return self._shown(rows.filter(pl.col("wrong") == _OF_A_ROW[name]))
        if name in _OF_ITS_ITEM:
            return self._shown(self._placed.filter(pl.col("of_item").is_in(_OF_ITS_ITEM[name])))
        if name in _DRIFT:
            return self._drift if isinstance(self._drift, str) else drifted(self._drift, name)
        return self._listed(name, check.field)

    def row_ids(self, rows: pl.DataFrame) -> list[int] | None:
        """Give the rows of the CDM that listed rows are of, -1 where none is; None where they are of no items."""
        import polars as pl

        if "row_id" in rows.columns:
            return rows["row_id"].to_list()
        if "item" not in rows.columns:
            return None
        known = self.items.frame.unique(["source", "item"], keep="first", maintain_order=True).select("source", "item", "row_id")
        return rows.join(known, on=["source", "item"], how="left", maintain_order="left")["row_id"].fill_null(pl.lit(-1)).to_list()

    def _listed(self, name: str, reason: str) -> pl.DataFrame:
        """Give what offends the checks that have no rule of one row."""
        import polars as pl

        parts = [(part.name, part.problem) for part in self.scanned.parts if part.problem is not None]
        frames: dict[str, Callable[[], pl.DataFrame]] = {
            "embeddingPart": lambda: _frame([one for one in parts if one[1] != DIMENSION], ("part", "problem")),
            "embeddingDimension": lambda: _frame([one for one in parts if one[1] == DIMENSION], ("part", "problem")),
            "embeddingRegistered": lambda: pl.DataFrame(misregistered(self.scanned.folder), schema={"encoder_id": pl.String, "problem": pl.String}),
            "embeddingConstant": lambda: pl.DataFrame({"dimension": constant_dimensions(self.scanned)}, schema={"dimension": pl.Int64}),
            "embeddingCollapsed": self._collapsed,
            "embeddingShared": lambda: self._shown(shared_rows(self._good).sort("group", maintain_order=True), "group"),
            "embeddingPerson": lambda: self._shown(self._of_others),
            "embeddingQuarantined": lambda: self._shown(self._quarantined.filter(pl.col("status") == Reason[reason.upper()])),
            "embeddingItem": lambda: self._shown(self._good.join(self.items.frame, on=["source", "item"], how="anti", maintain_order="left")),
            "embeddingChanged": self._changed,
            "embeddingCoverage": lambda: self._of_items(self._without),
            "embeddingPersons": lambda: self._without.select("person_id").unique().join(self._with, on="person_id", how="anti").sort("person_id"),
        }
        return frames[name]()

    def _of(self, name: str) -> int:
        """Give of how many a check counts."""
        totals: dict[str, Callable[[], int]] = {
            "embeddingStatus": lambda: self.scanned.rows.height,
            "embeddingQuarantined": lambda: newest(self.scanned.rows).height,
            "embeddingItem": lambda: self._good.height,
            "embeddingChanged": lambda: self._encodable.height,
            "embeddingCoverage": lambda: self._encodable.height,
            "embeddingPersons": self._encodable["person_id"].n_unique,
        }
        return totals.get(name, lambda: self._vectors.height)()

    @cached_property
    def _figures(self) -> dict[str, Figure]:
        return table_figures(self.scanned)

    @cached_property
    def _good(self) -> pl.DataFrame:
        """Rows that are served."""
        return sound(self.scanned)

    @cached_property
    def _vectors(self) -> pl.DataFrame:
        """Rows that say that they have a vector."""
        import polars as pl

        return self.scanned.rows.filter(pl.col("status") == Reason.OBSERVED)

    @cached_property
    def _placed(self) -> pl.DataFrame:
        """These rows with what is wrong with their person and times, `of_item`; a time that is not there is said before all else."""
        import polars as pl

        found = pl.Series("of_item", check_items(self._examined.con, self._vectors))
        is_timeless = pl.any_horizontal(pl.col("event_time", "known_time").is_null())
        no_time = OF_THE_ITEM.index("no time of its event")
        return self._vectors.with_columns(found).with_columns(pl.when(is_timeless).then(no_time).otherwise("of_item").alias("of_item"))

    @cached_property
    def _of_others(self) -> pl.DataFrame:
        """Rows of another person than their item, where the table has none that is right; of an item that is gone, rows of nobody who ever had an id.

        Who was found to be the same person since is the same.
        """
        import polars as pl

        former = former_persons(self._examined.study, self._examined.version)
        persons = all_persons(self._examined.study, self._examined.version)
        owner = self.items.frame.unique(KEY, keep="first", maintain_order=True).select(*KEY, owner="person_id")
        rows = self._vectors.join(former, on="person_id", how="left", maintain_order="left").join(owner, on=KEY, how="left", maintain_order="left")
        rows = rows.with_columns(now=pl.col("now").fill_null(pl.col("person_id")))
        is_right = (pl.when(pl.col("owner").is_null()).then(pl.col("now").is_in(persons.implode())).otherwise(pl.col("owner") == pl.col("now"))).fill_null(
            value=False
        )
        return rows.filter(~is_right).join(rows.filter(is_right), on=KEY, how="anti", maintain_order="left")

    @cached_property
    def _quarantined(self) -> pl.DataFrame:
        """The row of each item that has no vector to be served, with its status as it is served."""
        import polars as pl

        served = pl.when(pl.col("wrong") > 0).then(int(Reason.FAILED_QC)).otherwise("status").cast(pl.UInt8)
        bad = newest(self.scanned.rows).filter(~pl.col("is_good")).with_columns(status=served)
        of_others = self._of_others.filter(pl.col("owner").is_not_null()).with_columns(status=pl.lit(int(Reason.FAILED_QC), pl.UInt8))
        return pl.concat([bad.select(self.scanned.rows.columns), of_others.select(self.scanned.rows.columns)]).unique(["part", "row"]).sort("part", "row")

    @cached_property
    def _encodable(self) -> pl.DataFrame:
        """Items of the version that can be encoded."""
        import polars as pl

        return self.items.frame.unique(KEY, keep="first", maintain_order=True).filter(pl.col("status") == Reason.OBSERVED)

    @cached_property
    def _with(self) -> pl.DataFrame:
        return self._encodable.join(self._served, on=KEY, how="semi", maintain_order="left")

    @cached_property
    def _without(self) -> pl.DataFrame:
        return self._encodable.join(self._served, on=KEY, how="anti", maintain_order="left")

    @cached_property
    def _served(self) -> pl.DataFrame:
        """Rows that are sound, and of the right person."""
        return self._good.join(self._of_others, on=["part", "row"], how="anti", maintain_order="left")

    @cached_property
    def _drift(self) -> pl.DataFrame | str:
        before = profile_before(self._examined.study, self.view, self._examined.version.version)
        return compared(self.scanned, self._good, before)

    def _changed(self) -> pl.DataFrame:
        """Give the items that have a vector of another content, and none of the one that they have now."""
        other = self._without.join(self._good, on=KEY, how="anti", maintain_order="left")
        return self._of_items(other.join(self._good, on=["source", "item"], how="semi", maintain_order="left"))

    def _collapsed(self) -> pl.DataFrame:
        """Give the rows of the most frequent vector, where contents that differ share it."""
        import polars as pl

        counted = self._good.group_by("first", "second", maintain_order=True).agg(pl.col("content").n_unique().alias("contents"))
        most = counted.filter(pl.col("contents") > 1).sort("contents", descending=True, maintain_order=True).head(1)
        return self._shown(self._good.join(most, on=["first", "second"], how="semi", maintain_order="left"))

    def _shown(self, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
        """Give rows with the name of their part, their place in it and what a reader needs of them."""
        import polars as pl

        names = pl.DataFrame(
            {"part": range(len(self.scanned.parts)), "file": [part.name for part in self.scanned.parts]}, schema={"part": pl.UInt32, "file": pl.String}
        )
        return rows.join(names, on="part", how="left", maintain_order="left").select(pl.col("file").alias("part"), "row", *_SHOWN, *more)

    @staticmethod
    def _of_items(items: pl.DataFrame) -> pl.DataFrame:
        return items.select("source", "item", "person_id", "event_time", "known_time", "row_id")


def _frame(rows: Sequence[tuple[str, str | None]], names: tuple[str, str]) -> pl.DataFrame:
    """Give two columns of words."""
    import polars as pl

    return pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String), orient="row")
