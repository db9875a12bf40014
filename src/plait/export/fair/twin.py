"""The synthetic twin of a CDM: persons whom nobody is, in the tables and the columns of the real ones, so that programs can be tried on them.

A twin follows from the schema, from which tables have rows, and from the concepts that `aggregates/concepts.csv` tells, and from nothing else: it has
no more of the data than those figures. Keys hold, dates lie within what a person was observed, and what has an end ends after it began.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.export.deidentify import tables
from plait.export.deidentify.tables import DIMENSIONS
from plait.export.fair.aggregates import own_concept
from plait.export.fair.describe import cdm_file
from plait.schema import cdm_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from plait.export.fair.model import TableFile
    from plait.export.outgoing import Outgoing
    from plait.schema import Field, TableSpec

FOLDER = "twin"
PERSONS = 100
_ROWS_PER_PERSON = 5
_PLACES = 10
_SEED = 54
_FIRST, _LAST = dt.date(2001, 1, 1), dt.date(2020, 12, 31)
_ONCE = frozenset({"person", "observation_period", "death"})
"""Tables with a row a person at most."""

_ALWAYS = ("person", "observation_period", "visit_occurrence", "location", "care_site", "provider", "cdm_source")
"""Tables that have rows, whatever is told."""

_WORD = "synthetic"


def write_twin(out: Outgoing, told: Mapping[str, Sequence[int]]) -> list[TableFile]:
    """Write the tables of the twin as `twin/TABLE.parquet`, and describe them.

    Args:
        out: The export.
        told: The concepts of each table that are told; a table of which none is has the columns alone.
    """
    (out.folder / FOLDER).mkdir()
    made = []
    for name, frame in synthetic(told).items():
        path = f"{FOLDER}/{name}.parquet"
        frame.write_parquet(out.folder / path, compression="zstd")
        made.append(cdm_file(out.folder, path, name, frame.height))
    return made


def synthetic(told: Mapping[str, Sequence[int]]) -> dict[str, pl.DataFrame]:
    """Give the tables of a twin, always the same ones for the same concepts; see `write_twin`."""
    filled = {*_ALWAYS, *(name for name, concepts in told.items() if concepts)}
    ids = {name: _ids(cdm_tables()[name]) if name in filled else np.empty(0, np.int64) for name in tables.treatments()}
    return {name: _Table(name, ids, told.get(name, ())).frame() for name in tables.treatments()}


def _ids(spec: TableSpec) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Give the ids of a table's rows: those of a person's rows by the person's, as in a study."""
    if tables.owner_of(spec.name) is None:
        return np.arange(1, (_PLACES if spec.name in DIMENSIONS else 1) + 1)
    persons = np.arange(1, PERSONS + 1)
    if spec.name == "person":
        return persons
    if spec.name in _ONCE:
        return (persons << 22) if spec.name != "death" else persons[::10] << 22
    return ((persons[:, None] << 22) + np.arange(_ROWS_PER_PERSON)).ravel()


class _Table:
    """A table of the twin while it is made.

    Args:
        name: The table.
        ids: Ids of the rows of each table.
        told: Concepts that a row may be about.
    """

    def __init__(self, name: str, ids: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]], told: Sequence[int]) -> None:
        self.spec, self.ids, self.told = cdm_tables()[name], ids, list(told)
        self.rows = ids[name]
        self.chance = np.random.default_rng([_SEED, *name.encode()])
        is_persons = tables.owner_of(name) is not None
        self.person = (self.rows if name == "person" else self.rows >> 22) if is_persons else None
        span = (_LAST - _FIRST).days
        self.start = self.chance.integers(0, span - 31, len(self.rows))
        self.length = self.chance.integers(0, 31, len(self.rows))
        if name == "observation_period":
            self.start, self.length = np.zeros_like(self.start), np.full_like(self.length, span)

    def frame(self) -> pl.DataFrame:
        """Give the rows."""
        import polars as pl

        kinds: dict[str, Any] = {
            "integer": pl.Int64,
            "float": pl.Float64,
            "date": pl.Date,
            "datetime": pl.Datetime("us"),
            "varchar": pl.String,
            "uuid": pl.String,
        }
        return pl.DataFrame({field.name: pl.Series(field.name, self._column(field), kinds[field.base_type]) for field in self.spec.fields})

    def _column(self, field: Field) -> list[Any]:
        """Give the values of a column."""
        if field.name == self.spec.id_column:
            return list(self.rows)
        if field.name in {"person_id", "subject_id"} and self.person is not None:
            return list(self.person)
        if field.name.endswith("_concept_id"):
            return self._concepts(field)
        if field.foreign_key is not None:
            return self._keys(field)
        made = {"date": self._moments, "datetime": self._moments, "integer": self._integers, "float": self._numbers}.get(field.base_type, self._words)
        return made(field)

    def _moments(self, field: Field) -> list[Any]:
        """Give days, or times of the same days: of what has an end, the end is up to a month later."""
        if "birth" in field.name:
            return self._nothing(field)
        days = [_FIRST + dt.timedelta(days=day) for day in (self.start + (self.length if "end" in field.name.split("_") else 0)).tolist()]
        return [dt.datetime.combine(day, dt.time(12)) for day in days] if field.base_type == "datetime" else days

    def _concepts(self, field: Field) -> list[Any]:
        """Give concepts that are told of what rows are about, and none of anything else."""
        is_own = field.name == own_concept(self.spec.name) and self.told
        return list(self.chance.choice(self.told, len(self.rows))) if is_own else self._nothing(field)

    def _keys(self, field: Field) -> list[Any]:
        """Give keys of other rows, of the same person where these are a person's."""
        table = (field.foreign_key or "").partition(".")[0]
        theirs = self.ids.get(table, self.rows[:0])
        if not len(theirs):
            return self._nothing(field)
        if self.person is not None and tables.owner_of(table) is not None and table not in _ONCE:
            return list((self.person << 22) + self.chance.integers(0, _ROWS_PER_PERSON, len(self.rows)))
        return list(self.chance.choice(theirs, len(self.rows)))

    def _integers(self, field: Field) -> list[Any]:
        bounds = {"year_of_birth": (1930, 2000), "month_of_birth": (1, 13), "day_of_birth": (1, 29)}.get(field.name, (1, 10))
        return self._nothing(field) if field.name.endswith("_id") else list(self.chance.integers(*bounds, len(self.rows)))

    def _numbers(self, field: Field) -> list[Any]:
        del field
        return list(self.chance.uniform(0, 100, len(self.rows)).round(1))

    def _words(self, field: Field) -> list[Any]:
        return [_WORD[: _room(field)]] * len(self.rows) if field.required else self._nothing(field)

    def _nothing(self, field: Field) -> list[Any]:
        """Give nothing: 0, which points at nothing, where there must be something."""
        return [0 if field.required and field.base_type == "integer" else None] * len(self.rows)


def _room(field: Field) -> int:
    """Give how many signs a column has room for."""
    told = field.type.partition("(")[2].rstrip(")")
    return int(told) if told.isdigit() else len(_WORD)
