"""What a staged shape is made of: columns, each with how its text is read.

A shape is a class with a column a line; `plait.etl.staging` has those that sources write, and `plait.etl.adopted` those of a CDM's own
tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a shape: what it means, whether a record needs it, how its text is read."""

    meaning: str
    required: bool = False
    kind: ClassVar[Literal["text", "time", "number", "whole"]] = "text"


class Text(Column):
    """Text, kept as delivered."""


@dataclass(frozen=True, slots=True)
class OneOf(Column):
    """One of some words; a record with another one there is rejected."""

    words: tuple[str, ...] = ()


class Time(Column):
    """A local time: ISO 8601, a date alone, one of the source's `time_formats`, or an offset from its `anchor` (`444.87 months`)."""

    kind = "time"


@dataclass(frozen=True, slots=True)
class Number(Column):
    """A number with a point as its decimal mark, of a size below `below`; a record with another text there is rejected."""

    below: float = 1e308
    kind: ClassVar[Literal["number"]] = "number"


class Reading(Number):
    """A number that may come as other text: then it is null, the text stays in its own column, and that is noticed."""


class Whole(Column):
    """A whole number of 64 bits, such as the id of a row: `12`, `-9223372036854775808`, or `12.0`, as programs that know no null of a number write it."""

    kind = "whole"


TYPES = {"text": "VARCHAR", "time": "TIMESTAMP", "number": "DOUBLE", "whole": "BIGINT"}
"""The type of a staged column by how its text is read."""


class Shape:
    """Base of all shapes.

    `key` is the column that names a row; of different records with one key all but one are rejected as
    `duplicate_key`, or merged where `same_key` says so. `of_person` tells the shapes that are sharded. `adopts` are columns with which
    a CDM's own row comes as it is: `plait.etl.adopted` gives them.
    """

    name: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    key: ClassVar[str | None] = None
    same_key: ClassVar[Literal["reject", "merge"]] = "reject"
    of_person: ClassVar[bool] = True
    adopts: ClassVar[dict[str, Column]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the columns in the order in which they are written."""
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Column)}
        cls.columns = own | {name: column for name, column in cls.adopts.items() if name not in own}
