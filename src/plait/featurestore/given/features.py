"""Plain tables of numbers as views: a row of a person and a time, a column a feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.errors import CohortError, InputFileError
from plait.featurestore.aligned import Aligned
from plait.featurestore.asof import DAY_US, NONE, History
from plait.featurestore.encoders.weights import file_hashes
from plait.featurestore.gate import NO_EVENT_TIME, PASSED, check_items
from plait.featurestore.given.rows import GivenOptions, need_columns, place_of, placed
from plait.featurestore.view import View
from plait.schema.embeddings import FEATURES_FOLDER
from plait.schema.reasons import PRIORITY, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.asof import Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading

    Floats = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.uint8]


class FeatureTableOptions(GivenOptions):
    """What a view of a table of numbers may be told beside whose its rows are.

    Attributes:
        features: The columns that are features; all other numeric ones if left out.
    """

    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of a table, ready to be asked.

    Attributes:
        names: Its features.
        values: `(n_rows, n_features) float32`, NaN where a value is missing.
        codes: Why each value is there or not, `(n_rows, n_features) uint8`; None where all are there.
        keys: Row in the file, person and times, of each.
        failed: The same of rows that did not pass the gate, which have no values.
        event: When each happened, in microseconds since 1970, `(n_rows,) int64`.
    """

    names: tuple[str, ...]
    values: Floats
    codes: Codes | None
    keys: pl.DataFrame
    failed: pl.DataFrame
    event: Ints


class FeaturesView(View):
    """A table of numbers: what its rows say that were known at each moment."""

    def __init__(self, reading: Reading, name: str, modality: str, options: FeatureTableOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, modality, options
        self._prepared: dict[str, tuple[History, History]] = {}

    @property
    def reach_days(self) -> float | None:
        """How far back its rows count."""
        return self.options.lookback_days

    def align(self, index: Index, question: Question) -> Aligned:
        """Give the values known at each row's moment, aligned to the rows.

        A null is UNKNOWN, a number that is not finite FAILED_QC; so is a row at a time at which its person did not live, where there is no other.
        """
        rows, (history, _) = self._rows, self._histories(question.clock)
        since = self._since(index)
        n_obs = history.count(index.person_id, index.at, since)
        is_there = n_obs > 0
        chosen = np.where(is_there, history.last(index.person_id, index.at), NONE)
        age = np.full(len(index), np.nan, np.float32)
        reason = self._why_not(index, since, question, is_there)[:, None]
        if self.options.reduce == "first":
            for found, items in self._picked(index, question):
                chosen[found] = items
        age[is_there] = (index.at[is_there] - rows.event[chosen[is_there]]) / DAY_US
        if self.options.reduce == "count":
            counts = np.where(is_there, n_obs, np.nan).astype(np.float32)[:, None]
            return Aligned(self.name, ("count",), counts, reason, age[:, None], n_obs.astype(np.int32)[:, None], presence=self.options.present)
        values, codes = self._gathered(chosen)
        if self.options.reduce in {"mean", "max"}:
            values, codes = self._reduced(index, since, question, codes)
        ages: npt.NDArray[np.float32] = age[:, None]
        if codes is not None:
            reason = np.where(is_there[:, None], codes, reason)
            ages = np.where(reason == Reason.OBSERVED, ages, np.float32(np.nan))
        return Aligned(self.name, rows.names, values, reason, ages, n_obs.astype(np.int32)[:, None], presence=self.options.present)

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the file and column behind a feature."""
        self._check(feature)
        return {"view": self.name, "feature": feature, "path": self.options.path, "column": feature, "reduce": self.options.reduce}

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the rows of the table behind the values of a feature: `row_id` is a row's place in it, from 0."""
        import polars as pl

        self._check(feature)
        keys, table = self._rows.keys, pl.lit(self.options.path).alias("table_name")
        lines = [
            pl.DataFrame({"row": found}).hstack(keys[items].select(table, pl.col("row").alias("row_id"), "event_time", "known_time"))
            for found, items in self._picked(index, question)
        ]
        return pl.concat(
            [
                pl.DataFrame({"row": np.empty(0, np.int64)}).hstack(keys.clear().select(table, row_id="row", event_time="event_time", known_time="known_time")),
                *lines,
            ]
        )

    def describe(self) -> dict[str, Any]:
        """Give the view's kind and options, and the digest of its files."""
        digests = file_hashes(self.reading.study / FEATURES_FOLDER / "given.json", self._files)
        return {**super().describe(), "options": self.options.model_dump(mode="json"), "files": digests}

    def _since(self, index: Index) -> Ints | None:
        """Give where each row's window begins."""
        return None if self.options.lookback_days is None else index.at - round(self.options.lookback_days * DAY_US)

    def _picked(self, index: Index, question: Question) -> Iterator[tuple[Ints, Ints]]:
        """Yield index rows with the rows of the table that count for them."""
        history, _ = self._histories(question.clock)
        for found, items in history.pairs(index.person_id, index.at, self._since(index)):
            begins = np.flatnonzero(np.diff(found, prepend=-1))
            if self.options.reduce == "first":
                yield found[begins], items[begins]
            elif self.options.reduce == "last":
                ends = np.append(begins[1:], len(found))[: len(begins)] - 1
                yield found[ends], items[ends]
            else:
                yield found, items

    def _gathered(self, chosen: Ints) -> tuple[Floats, Codes | None]:
        """Give values and codes of the chosen rows; NaN where there is none."""
        rows = self._rows
        if not len(rows.values):
            return np.full((len(chosen), len(rows.names)), np.nan, np.float32), None
        values, codes = rows.values[chosen], None if rows.codes is None else rows.codes[chosen]
        values[chosen == NONE] = np.nan
        return values, codes

    def _reduced(self, index: Index, since: Ints | None, question: Question, last: Codes | None) -> tuple[Floats, Codes]:
        """Give the mean or the greatest of the observed values in each window; where none is observed, the reason is the last row's."""
        rows = self._rows
        values = np.full((len(index), len(rows.names)), np.nan, np.float32)
        history, _ = self._histories(question.clock)
        for found, items in history.pairs(index.person_id, index.at, since, at_once=max((1 << 24) // max(len(rows.names), 1), 1)):
            begins = np.flatnonzero(np.diff(found, prepend=-1))
            if not len(begins):
                continue
            held = rows.values[items]
            is_seen = ~np.isnan(held)
            if self.options.reduce == "max":
                greatest = np.maximum.reduceat(np.where(is_seen, held, np.float32(-np.inf)), begins, axis=0)
                values[found[begins]] = np.where(np.isneginf(greatest), np.float32(np.nan), greatest)
            else:
                sums = np.add.reduceat(np.where(is_seen, held, 0), begins, axis=0, dtype=np.float64)
                counts = np.add.reduceat(is_seen, begins, axis=0, dtype=np.int64)
                values[found[begins]] = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        missing = np.full(values.shape, Reason.UNKNOWN, np.uint8) if last is None else np.where(last == Reason.OBSERVED, np.uint8(Reason.UNKNOWN), last)
        return values, np.where(np.isnan(values), missing, np.uint8(Reason.OBSERVED))

    def _why_not(self, index: Index, since: Ints | None, question: Question, is_there: npt.NDArray[np.bool_]) -> Codes:
        """Give OBSERVED for rows that have any, and the reason of the others."""
        history, failed = self._histories(question.clock)
        found = {}
        if not is_there.all():
            found[Reason.FAILED_QC] = failed.count(index.person_id, index.at, since) > 0
            if since is not None:
                found[Reason.OUT_OF_WINDOW] = (history.count(index.person_id, index.at) > 0) | (failed.count(index.person_id, index.at) > 0)
            if question.audit:
                found[Reason.NOT_YET_KNOWN] = history.has_future(index.person_id, index.at) | failed.has_future(index.person_id, index.at)
        codes = np.full(len(index), Reason.UNKNOWN, np.uint8)
        for reason in reversed(PRIORITY):
            if reason in found:
                codes[found[reason]] = reason
        codes[is_there] = Reason.OBSERVED
        return codes

    def _check(self, feature: str) -> None:
        """Fail where the view has no such feature."""
        names = ("count",) if self.options.reduce == "count" else self._rows.names
        if feature not in names:
            raise CohortError(f"view '{self.name}'", expected="one of its features", got=f"'{feature}'", todo=f"There are: {', '.join(names[:20])}.")

    @property
    def _files(self) -> list[Path]:
        """The Parquet files, in the order of their rows."""
        place = place_of(self.reading, self.name, self.options.path)
        files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
        if not files:
            raise InputFileError(f"view '{self.name}'", expected="Parquet files", got="a folder without any", todo="Mend 'path' in plait.yaml.")
        return files

    @cached_property
    def _rows(self) -> _Rows:
        """Read the table."""
        import polars as pl

        options, files = self.options, self._files
        try:
            schema = pl.read_parquet_schema(files[0])
        except (OSError, pl.exceptions.PolarsError):
            raise InputFileError(f"view '{self.name}': {files[0].name}", expected="Parquet", got="something else", todo="Write the table as Parquet.") from None
        keys = [name for name in (options.person_column, options.event_time, options.known_time) if name is not None]
        names = options.features or tuple(name for name, kind in schema.items() if name not in keys and (kind.is_numeric() or kind == pl.Boolean))
        need_columns(list(schema), [*keys, *names], self.name)
        wrong = [name for name in names if not (schema[name].is_numeric() or schema[name] == pl.Boolean)]
        if wrong:
            raise InputFileError(
                f"view '{self.name}', column '{wrong[0]}'", expected="numbers", got=str(schema[wrong[0]]), todo="Leave it out of 'features', or write numbers."
            )
        frame = pl.concat([pl.read_parquet(file, columns=list(dict.fromkeys([*keys, *names]))) for file in files])
        rows = placed(self.reading, self.name, options, frame)
        values, codes = _numbers(frame.select(names))
        found = check_items(self.reading.con, rows)
        failed = rows[np.flatnonzero((found != PASSED) & (found != NO_EVENT_TIME))]
        if found.any():
            good = np.flatnonzero(found == PASSED)
            rows, values, codes = rows[good], values[good], None if codes is None else codes[good]
        return _Rows(tuple(names), values, codes, rows, failed, _us(rows["event_time"]))

    def _histories(self, clock: str) -> tuple[History, History]:
        """Give the histories of the rows and of those that failed; with the clock `ohdsi` everything is known when it happens."""
        if clock not in self._prepared:
            self._prepared[clock] = (_history(self._rows.keys, clock), _history(self._rows.failed, clock))
        return self._prepared[clock]


def _history(rows: pl.DataFrame, clock: str) -> History:
    """Give the history of rows; of two of one person and times the later in the file is the later."""
    known = _us(rows["known_time"]) if clock == "known" else None
    return History.of(rows["person_id"].to_numpy(), _us(rows["event_time"]), known)


def _us(times: pl.Series) -> Ints:
    """Give times as microseconds since 1970."""
    import polars as pl

    return times.cast(pl.Int64).to_numpy()


def _numbers(frame: pl.DataFrame) -> tuple[Floats, Codes | None]:
    """Give columns as one matrix, and why each value is there or not, None where all are: a null is UNKNOWN, what is not finite FAILED_QC."""
    import polars as pl

    values = np.empty(frame.shape, np.float32)
    codes = None
    for place, column in enumerate(frame):
        with np.errstate(over="ignore"):
            values[:, place] = column.cast(pl.Float32).to_numpy()
        is_missing = ~np.isfinite(values[:, place])
        if is_missing.any():
            codes = np.zeros(frame.shape, np.uint8) if codes is None else codes
            codes[:, place] = np.where(is_missing, np.where(column.is_null().to_numpy(), np.uint8(Reason.UNKNOWN), np.uint8(Reason.FAILED_QC)), 0)
    if codes is not None:
        values[codes != Reason.OBSERVED] = np.nan
    return values, codes
