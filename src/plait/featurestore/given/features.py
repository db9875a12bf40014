"""Plain tables of numbers as views: a row of a person and a time, a column a feature."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.errors import CohortError, InputFileError
from plait.featurestore.aligned import Aligned
from plait.featurestore.asof import DAY_US, NONE, History
from plait.featurestore.given.rows import GivenOptions, need_columns, place_of, placed
from plait.featurestore.missing import why_not
from plait.featurestore.view import View
from plait.models.weights import file_hashes
from plait.schema.embeddings import FEATURES_FOLDER
from plait.schema.reasons import Reason
from plait.validators.embeddings.gate import NO_EVENT_TIME, PASSED, check_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.asof import Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading

    Floats = npt.NDArray[np.float32]
    Codes = npt.NDArray[np.uint8]


_PREPARED = 2
"""Format of what is kept of a table's rows."""


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
        values: `(n_rows, n_features) float32`, NaN where a value is missing.
        codes: Why each value is there or not, `(n_rows, n_features) uint8`; None where all are there.
        event: When each happened, in microseconds since 1970, `(n_rows,) int64`.
        row: Its place in the file, `(n_rows,) int64`.
        known: When it was known, in microseconds since 1970, `(n_rows,) int64`.
        good: The history of these rows.
        failed: That of rows that did not pass the gate, which have no values.
    """

    values: Floats
    codes: Codes | None
    event: Ints
    row: Ints
    known: Ints
    good: History
    failed: History

    def save(self, folder: Path) -> None:
        """Write the rows into a folder, to be read again with `load`."""
        self.good.save(folder / "good")
        self.failed.save(folder / "failed")
        for name in ("values", "codes", "event", "row", "known"):
            if getattr(self, name) is not None:
                np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Give rows that were saved; their arrays are memory-mapped, and not to be changed."""
        parts = {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
        return cls(
            parts["values"], parts.get("codes"), parts["event"], parts["row"], parts["known"], History.load(folder / "good"), History.load(folder / "failed")
        )


class FeaturesView(View):
    """A table of numbers: what its rows say that were known at each moment."""

    def __init__(self, reading: Reading, name: str, modality: str, options: FeatureTableOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, modality, options
        self._prepared: dict[str, _Rows] = {}

    @property
    def reach_days(self) -> float | None:
        """How far back its rows count."""
        return self.options.lookback_days

    def align(self, index: Index, question: Question) -> Aligned:
        """Give the values known at each row's moment, aligned to the rows.

        A null is UNKNOWN, a number that is not finite FAILED_QC; so is a row from before its person was born, where there is no other.
        """
        rows = self._rows(question.clock)
        history = rows.good
        since = self.options.since(index.at)
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
        values, codes = _gathered(rows, chosen)
        if self.options.reduce in {"mean", "max"}:
            values, codes = self._reduced(index, since, question, codes)
        ages: npt.NDArray[np.float32] = age[:, None]
        if codes is not None:
            reason = np.where(is_there[:, None], codes, reason)
            ages = np.where(reason == Reason.OBSERVED, ages, np.float32(np.nan))
        return Aligned(self.name, self._names, values, reason, ages, n_obs.astype(np.int32)[:, None], presence=self.options.present)

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the file and column behind a feature."""
        self._check(feature)
        return {"view": self.name, "feature": feature, "path": self.options.path, "column": feature, "reduce": self.options.reduce}

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the rows of the table behind the values of a feature: `row_id` is a row's place in it, from 0."""
        import polars as pl

        self._check(feature)
        rows, us = self._rows(question.clock), pl.Datetime("us")
        parts = list(self._picked(index, question))
        found, items = (np.concatenate([np.empty(0, np.int64), *(part[place] for part in parts)]) for place in range(2))
        return pl.DataFrame({"row": found, "table_name": [self.options.path] * len(found), "row_id": rows.row[items]}).with_columns(
            event_time=pl.Series(rows.event[items]).cast(us), known_time=pl.Series(rows.known[items]).cast(us)
        )

    def describe(self) -> dict[str, Any]:
        """Give the view's kind and options, and the digest of its files."""
        digests = file_hashes(self.reading.study / FEATURES_FOLDER / "given.json", self._files)
        return {**super().describe(), "options": self.options.model_dump(mode="json"), "files": digests}

    def _picked(self, index: Index, question: Question) -> Iterator[tuple[Ints, Ints]]:
        """Yield index rows with the rows of the table that count for them."""
        for found, items in self._rows(question.clock).good.pairs(index.person_id, index.at, self.options.since(index.at)):
            begins = np.flatnonzero(np.diff(found, prepend=-1))
            if self.options.reduce == "first":
                yield found[begins], items[begins]
            elif self.options.reduce == "last":
                ends = np.append(begins[1:], len(found))[: len(begins)] - 1
                yield found[ends], items[ends]
            else:
                yield found, items

    def _reduced(self, index: Index, since: Ints | None, question: Question, last: Codes | None) -> tuple[Floats, Codes]:
        """Give the mean or the greatest of the observed values in each window; where none is observed, the reason is the last row's."""
        rows = self._rows(question.clock)
        values = np.full((len(index), len(self._names)), np.nan, np.float32)
        for found, items in rows.good.pairs(index.person_id, index.at, since, at_once=max((1 << 24) // max(len(self._names), 1), 1)):
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
        rows = self._rows(question.clock)
        if is_there.all():
            return np.zeros(len(index), np.uint8)
        codes = why_not(index, question, (rows.good, rows.failed), since, {Reason.FAILED_QC: rows.failed.count(index.person_id, index.at, since) > 0})
        codes[is_there] = Reason.OBSERVED
        return codes

    def _check(self, feature: str) -> None:
        """Fail where the view has no such feature."""
        names = ("count",) if self.options.reduce == "count" else self._names
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

    @property
    def _keys(self) -> list[str]:
        """The columns that say whose a row is and when."""
        return [name for name in (self.options.person_column, self.options.event_time, self.options.known_time) if name is not None]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """The columns that are features."""
        import polars as pl

        file = self._files[0]
        try:
            schema = pl.read_parquet_schema(file)
        except (OSError, pl.exceptions.PolarsError):
            raise InputFileError(f"view '{self.name}': {file.name}", expected="Parquet", got="something else", todo="Write the table as Parquet.") from None
        names = self.options.features or tuple(name for name, kind in schema.items() if name not in self._keys and (kind.is_numeric() or kind == pl.Boolean))
        need_columns(list(schema), [*self._keys, *names], self.name)
        wrong = [name for name in names if not (schema[name].is_numeric() or schema[name] == pl.Boolean)]
        if wrong:
            raise InputFileError(
                f"view '{self.name}', column '{wrong[0]}'", expected="numbers", got=str(schema[wrong[0]]), todo="Leave it out of 'features', or write numbers."
            )
        return tuple(names)

    def _rows(self, clock: str) -> _Rows:
        """Give the table's rows, ready to be asked by a clock: with `ohdsi` everything is known when it happens.

        They are kept beside the study's features for as long as the files, the version and the options are what they were.
        """
        if clock not in self._prepared:
            files = [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in self._files]
            stamp = [_PREPARED, clock, self.reading.version.version, self.options.model_dump(mode="json"), files]
            name = f"{clock}-{hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:16]}"
            self._prepared[clock] = kept(self.reading.study / FEATURES_FOLDER / self.name / "prepared", name, _Rows.load, lambda: self._read(clock))
        return self._prepared[clock]

    def _read(self, clock: str) -> _Rows:
        """Read the table."""
        import polars as pl

        names = self._names
        frame = pl.concat([pl.read_parquet(file, columns=list(dict.fromkeys([*self._keys, *names]))) for file in self._files])
        rows = placed(self.reading, self.name, self.options, frame)
        values, codes = _numbers(frame.select(names))
        found = check_items(self.reading.con, rows, deaths=False)
        failed = rows[np.flatnonzero((found != PASSED) & (found != NO_EVENT_TIME))]
        if found.any():
            good = np.flatnonzero(found == PASSED)
            rows, values, codes = rows[good], values[good], None if codes is None else codes[good]
        parts = (_us(rows["event_time"]), rows["row"].cast(pl.Int64).to_numpy(), _us(rows["known_time"]))
        return _Rows(values, codes, *parts, _history(rows, clock), _history(failed, clock))


def kept(folder: Path, name: str, load: Callable[[Path], _Rows], make: Callable[[], _Rows]) -> _Rows:
    """Give what was kept under a name, or make it and keep it in place of what has the same beginning, up to the dash."""
    with suppress(OSError, ValueError, KeyError):
        return load(folder / name)
    made, temporary = make(), folder / f".{name}.{secrets.token_hex(4)}"
    with suppress(OSError):  # a study that cannot be written to is read without
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            made.save(temporary)
            for old in folder.glob(f"{name.partition('-')[0]}-*"):
                shutil.rmtree(old, ignore_errors=True)
            temporary.rename(folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return made


def _gathered(rows: _Rows, chosen: Ints) -> tuple[Floats, Codes | None]:
    """Give values and codes of the chosen rows; NaN where there is none."""
    if not len(rows.values):
        return np.full((len(chosen), rows.values.shape[1]), np.nan, np.float32), None
    values, codes = rows.values[chosen], None if rows.codes is None else rows.codes[chosen]
    values[chosen == NONE] = np.nan
    return values, codes


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
