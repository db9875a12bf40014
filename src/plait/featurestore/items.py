"""Views whose values come from items (notes, series, slides): which of them count at a moment, and why one has no vector.

Persons and times are always those of the version that is read, never those of an embedding table; a vector is found by its item's
source, natural key and content.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plait.etl.crosswalk import former_persons
from plait.featurestore.aligned import Aligned
from plait.featurestore.asof import DAY_US, NONE, History
from plait.featurestore.embeddings import Embeddings
from plait.featurestore.encoders.encoder import HOW
from plait.featurestore.missing import why_not
from plait.featurestore.view import View, ViewOptions
from plait.schema.embeddings import registered, table_folder
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.aligned import Floats
    from plait.featurestore.asof import Ints
    from plait.featurestore.encoders.encoder import Encoder
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading

_NUMBERS_AT_ONCE = 1 << 26
"""How many numbers of vectors that are reduced together are held in memory at a time."""


class ItemOptions(ViewOptions):
    """What any view of items may be told.

    Attributes:
        encoder: What makes the vectors: its kind, and what the kind needs.
        reduce: What becomes of several items of a row: the `last` or the `first` that happened, the `mean` or `max` of all, or their `count`.
    """

    encoder: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    reduce: Literal["last", "first", "mean", "max", "count"] = "last"


@dataclass(frozen=True, eq=False)
class Items:
    """Items of many persons with their vectors, ready to be asked.

    Attributes:
        good: Those with a vector.
        event: When each of these happened, `(n_good,) int64`.
        place: Where its vector is, `(n_good,) int64`.
        vectors: `(n_vectors, dim) float32`; may be memory-mapped.
        bad: Those without one, by the reason.
    """

    good: History
    event: Ints
    place: Ints
    vectors: Floats
    bad: dict[Reason, History]

    def align(self, index: Index, question: Question, view: str, names: tuple[str, ...], options: ItemOptions) -> Aligned:
        """Give the vectors known at each row's moment; of a row without any, the first of the reasons that its items give."""
        since = options.since(index.at)
        n_obs = self.good.count(index.person_id, index.at, since)
        is_there = n_obs > 0
        last = np.where(is_there, self.good.last(index.person_id, index.at), NONE)
        chosen = self._first(index, since) if options.reduce == "first" else last
        reason = np.full(len(index), Reason.OBSERVED, np.uint8)
        if not is_there.all():
            reason = np.where(is_there, reason, self._why_not(index, since, question))
        values = self._reduced(index, since, options.reduce) if options.reduce in {"mean", "max"} else self._gathered(chosen)
        if options.reduce == "count":
            names, values = ("count",), np.where(is_there, n_obs, np.nan).astype(np.float32)[:, None]
        age = np.full(len(index), np.nan, np.float32)
        age[is_there] = (index.at[is_there] - self.event[chosen[is_there]]) / DAY_US
        return Aligned(view, names, values, reason[:, None], age[:, None], n_obs.astype(np.int32)[:, None], presence=options.present)

    def _gathered(self, chosen: Ints) -> Floats:
        """Give the vector of each chosen item, NaN where none is."""
        is_there = chosen != NONE
        if is_there.all() and len(self.place):
            return np.asarray(self.vectors[self.place[chosen]])
        values = np.full((len(chosen), self.vectors.shape[1]), np.nan, np.float32)
        if is_there.any():
            values[is_there] = self.vectors[self.place[chosen[is_there]]]
        return values

    def _first(self, index: Index, since: Ints | None) -> Ints:
        """Give the first item of each row's window, `NONE` where it has none."""
        chosen = np.full(len(index), NONE, np.int64)
        for rows, items in self.good.pairs(index.person_id, index.at, since):
            begins = _begins(rows)
            chosen[rows[begins]] = items[begins]
        return chosen

    def _reduced(self, index: Index, since: Ints | None, how: str) -> Floats:
        """Give the mean or the greatest of the vectors in each row's window; sums are made in double, in the order of events."""
        dim = self.vectors.shape[1]
        values = np.full((len(index), dim), np.nan, np.float32)
        for rows, items in self.good.pairs(index.person_id, index.at, since, at_once=max(_NUMBERS_AT_ONCE // max(dim, 1), 1)):
            begins = _begins(rows)
            if not len(begins):
                continue
            held = self.vectors[self.place[items]]
            if how == "max":
                values[rows[begins]] = np.maximum.reduceat(held, begins, axis=0)
            else:
                counts = np.diff(np.append(begins, len(rows)))
                values[rows[begins]] = np.add.reduceat(held, begins, axis=0, dtype=np.float64) / counts[:, None]
        return values

    def _why_not(self, index: Index, since: Ints | None, question: Question) -> npt.NDArray[np.uint8]:
        """Give the reason of a row without a vector."""
        held = {reason: history.count(index.person_id, index.at, since) > 0 for reason, history in self.bad.items()}
        return why_not(index, question, (self.good, *self.bad.values()), since, held)


class ItemView(View):
    """A view of items that an encoder makes vectors of.

    A kind of view says which items a version has and what encodes them; the rest is here.
    """

    table_name: str
    """Table of the CDM whose rows the items are."""

    options: ItemOptions

    at_once: int = 2_048
    """How many items are encoded together and make one part of the embedding table: what a crash may cost, and what memory must hold."""

    def __init__(self, reading: Reading, name: str, modality: str, options: ItemOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, modality, options
        self._prepared: dict[str, Items] = {}

    @property
    def reach_days(self) -> float | None:
        """How far back its items count."""
        return self.options.lookback_days

    @abstractmethod
    def inventory(self) -> pl.DataFrame:
        """Give every item of the version, in the order in which they are to be encoded, the same every time.

        Returns:
            `source`, `item` (its natural key there), `content` (SHA-256 of what is encoded), `person_id`, `event_time`, `known_time` (both in
            microseconds; an item without an event time is quarantined), `row_id` (its row in the CDM), `status` (UInt8: 0, or a code of `Reason`
            why it cannot be encoded).
        """

    @abstractmethod
    def encoder(self) -> Encoder:
        """Open the encoder that `plait.yaml` declares; its weights are read when it encodes first.

        Raises:
            EncoderError: It is not what it is declared to be.
            MissingExtraError: It needs packages that are not installed.
        """

    @abstractmethod
    def inputs(self, items: pl.DataFrame) -> Sequence[Any]:
        """Give what the encoder takes of some rows of the inventory, in their order; an `ItemError` in place of what cannot be had."""

    @cached_property
    def encoder_id(self) -> str | None:
        """The encoder whose vectors are served: the one that was last registered for what `plait.yaml` declares, None where none was."""
        found = registered(self.reading.study, self.name, self.declared)
        return None if found is None else str(found["encoder_id"])

    @property
    def declared(self) -> dict[str, Any]:
        """What `plait.yaml` says of the encoder, and of the options that change what it is given."""
        return {key: value for key, value in self.options.encoder.items() if key not in HOW}

    def align(self, index: Index, question: Question) -> Aligned:
        """Give the vectors known at each row's moment, aligned to the rows."""
        return self._items(question.clock).align(index, question, self.name, self._names, self.options)

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the encoder behind a feature and the feature's place in its vectors."""
        place = self._place(feature)
        found = registered(self.reading.study, self.name, self.declared) or {}
        return {
            "view": self.name,
            "feature": feature,
            "dimension": place,
            "reduce": self.options.reduce,
            "encoder": {k: v for k, v in found.items() if k != "declared"},
        }

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the items behind the values of a feature; they are those of every feature of the view."""
        import polars as pl

        self._place(feature)
        good, history = self._rows.filter(pl.col("status") == Reason.OBSERVED), self._items(question.clock).good
        since = self.options.since(index.at)
        lines = []
        for rows, items in history.pairs(index.person_id, index.at, since):
            begins = _begins(rows)
            ends = np.append(begins[1:], len(rows))[: len(begins)] - 1
            picked = {"first": begins, "last": ends}.get(self.options.reduce, np.arange(len(rows)))
            lines.append(
                pl.DataFrame({"row": rows[picked]}).hstack(
                    good[items[picked]].select(pl.lit(self.table_name).alias("table_name"), "row_id", "event_time", "known_time")
                )
            )
        empty = pl.DataFrame(
            schema={"row": pl.Int64, "table_name": pl.String, "row_id": pl.Int64, "event_time": pl.Datetime("us"), "known_time": pl.Datetime("us")}
        )
        return pl.concat([empty, *lines])

    def encoded(self) -> tuple[pl.DataFrame, Floats]:
        """Give the items of the version that have a vector, with its `place`, and the vectors `(n_vectors, dim) float32`; columns as in `inventory`."""
        import polars as pl

        return self._rows.filter(pl.col("status") == Reason.OBSERVED), self._embeddings.vectors

    def describe(self) -> dict[str, Any]:
        """Give the view's kind, options and encoder."""
        return {**super().describe(), "options": self.options.model_dump(mode="json"), "encoder": registered(self.reading.study, self.name, self.declared)}

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(str(place) for place in range(self._embeddings.vectors.shape[1]))

    def _place(self, feature: str) -> int:
        """Give the place of a feature."""
        from plait.errors import CohortError

        names = ("count",) if self.options.reduce == "count" else self._names
        if feature not in names:
            raise CohortError(f"view '{self.name}'", expected=f"one of its {len(names)} features", got=f"'{feature}'", todo="They are numbered from 0.")
        return names.index(feature)

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """Every item with its place among the vectors, and the reason where it has none."""
        import polars as pl

        items = self.inventory().filter(pl.col("event_time").is_not_null())
        return self._embeddings.of_items(items, self.former).with_columns(
            place=pl.col("place").fill_null(NONE),
            status=pl.when(pl.col("status") != Reason.OBSERVED).then("status").otherwise(pl.col("made").fill_null(int(Reason.NOT_ENCODED))).cast(pl.UInt8),
        )

    @cached_property
    def _embeddings(self) -> Embeddings:
        found = registered(self.reading.study, self.name, self.declared)
        if found is None:
            return Embeddings.open(table_folder(self.reading.study, self.name, "none"), 0)
        opened = Embeddings.open(table_folder(self.reading.study, self.name, found["encoder_id"]), found["dim"])
        opened.check_served(self.name, self.reading.settings.validation)
        return opened

    def former(self) -> pl.DataFrame:
        """Give who was found to be another person by this version; see `plait.etl.crosswalk.former_persons`."""
        return former_persons(self.reading.study, self.reading.version)

    def _items(self, clock: str) -> Items:
        """Give the items, ready to be asked by a clock; `ohdsi` takes everything as known when it happened."""
        import polars as pl

        if clock not in self._prepared:
            is_known = clock == "known"
            by_reason = {Reason(code): self._rows.filter(pl.col("status") == code) for code in self._rows["status"].unique().to_list()}
            good = by_reason.pop(Reason.OBSERVED, self._rows.clear())
            bad = {reason: _history(rows, is_known=is_known) for reason, rows in by_reason.items()}
            places = good["place"].to_numpy()
            self._prepared[clock] = Items(_history(good, is_known=is_known), _us(good["event_time"]), places, self._embeddings.vectors, bad)
        return self._prepared[clock]


def _history(rows: pl.DataFrame, *, is_known: bool) -> History:
    """Give the history of items, by when they were known or by when they happened; of two of one moment the greater natural key is the later."""
    import polars as pl

    key = rows.select(pl.struct("source", "item", "content").rank("dense"))["source"] if rows.height else rows["row_id"]
    known = _us(rows["known_time"]) if is_known else None
    return History.of(rows["person_id"].to_numpy(), _us(rows["event_time"]), known, key.to_numpy())


def _us(times: pl.Series) -> Ints:
    """Give times as microseconds since 1970."""
    import polars as pl

    return times.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy()


def _begins(rows: Ints) -> Ints:
    """Give where each run of equal numbers begins."""
    return np.flatnonzero(np.diff(rows, prepend=-1))
