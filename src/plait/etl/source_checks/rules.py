"""What `source.yaml` may ask of a file: its columns' types, ranges, values, keys and references, its size against the last delivery, its age."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Severity = Literal["error", "warning", "info"]
Kind = Literal["sourceRequired", "sourceType", "sourceRange", "sourceValues", "sourcePattern", "sourceUnique", "sourceReference", "sourceRows", "sourceFresh"]

_OF_COLUMN = ("required", "type", "min", "max", "values", "pattern", "references", "fresh_days")


def _as_texts(given: object) -> object:
    """Give one value, or several, as texts: YAML reads `1` as a number and `no` as false."""
    listed = given if isinstance(given, (list, tuple)) else [given]
    return tuple({True: "true", False: "false"}[one] if isinstance(one, bool) else str(one) for one in listed)


def _as_share(given: object) -> object:
    """Give `20%` as 20."""
    return given.rstrip("% ") if isinstance(given, str) else given


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
Percent = Annotated[float, BeforeValidator(_as_share), Field(ge=0)]


class RowsRule(BaseModel):
    """How many records a file must have.

    Attributes:
        min: At least so many.
        max: At most so many.
        change: By how much of a hundred they may be more or fewer than in the version before.
        shrink: By how much they may be fewer.
        grow: By how much they may be more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    change: Percent | None = None
    shrink: Percent | None = None
    grow: Percent | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if all(value is None for value in (self.min, self.max, self.change, self.shrink, self.grow)):
            raise ValueError("'rows' without min, max, change, shrink or grow")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """By how much of a hundred records may be fewer, and more; None for as they like."""
        return (self.change if self.shrink is None else self.shrink), (self.change if self.grow is None else self.grow)


class FileCheck(BaseModel):
    """One entry under `checks` of a file: what is asked of a column, of columns together, or of the file.

    Attributes:
        column: The column that is asked about.
        required: Whether every record has a value in it.
        type: What its values are; a time as the source's `time_formats` say.
        min: The lowest that a number, or the earliest that a time, may be.
        max: The highest, or the latest.
        values: The values that there may be.
        pattern: A regular expression that each whole value fits.
        references: `FILE.COLUMN`, in which each value must be.
        fresh_days: How many days old the newest time may be.
        unique: A column, or columns, that no two records have alike.
        rows: How many records there are.
        threshold: The percentage that may offend.
        severity: What a failure means; `error` fails `plait etl check-source` and `plait validate`.
        stop: Whether a failure stops a run before it commits.
        name: Tells two checks of one kind on one column apart.
        why: Why the check is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    required: bool = False
    type: Literal["integer", "number", "date", "time"] | None = None
    min: int | float | dt.date | None = None
    max: int | float | dt.date | None = None
    values: Texts | None = None
    pattern: str | None = None
    references: str | None = Field(default=None, pattern=r"^[^.]+\..+$")
    fresh_days: float | None = Field(default=None, ge=0)
    unique: Texts | None = None
    rows: RowsRule | None = None
    threshold: Percent | None = Field(default=None, le=100)
    severity: Severity = "error"
    stop: bool = False
    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    why: str = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        of_column = [name for name in _OF_COLUMN if getattr(self, name) not in {None, False}]
        if of_column and self.column is None:
            raise ValueError(f"'{of_column[0]}' without 'column'")
        if self.column is not None and not of_column:
            raise ValueError(f"'column' without any of {', '.join(_OF_COLUMN)}")
        if not of_column and self.unique is None and self.rows is None:
            raise ValueError("a check that asks nothing")
        if self.stop and self.severity != "error":
            raise ValueError("'stop: true' belongs to severity error")
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if len({isinstance(bound, dt.date) for bound in bounds}) > 1:
            raise ValueError("'min' and 'max' of one kind: numbers, or dates")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error:
                raise ValueError("'pattern' that is no regular expression") from None
        return self


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """One check of one kind.

    Attributes:
        kind: What is counted.
        file: The file.
        columns: The columns that it is about; none where it is about the file.
        rule: The entry that asks for it.
    """

    kind: Kind
    file: str
    columns: tuple[str, ...]
    rule: FileCheck

    @property
    def field(self) -> str:
        """Its columns as one word, with the name that the entry has."""
        return ".".join(part for part in ("-".join(self.columns), self.rule.name) if part)

    def id(self, source: str) -> str:
        """Give its name among all checks, `sourceRange.emr.labs.result`."""
        return ".".join(part for part in (self.kind, source, self.file, self.field) if part)

    @property
    def about(self) -> str:
        """What is counted, in words."""
        rule, column = self.rule, ", ".join(self.columns)
        low, high = rule.min, rule.max
        words = {
            "sourceRequired": f"records of {self.file} without a value in {column}",
            "sourceType": f"values of {self.file}.{column} that are no {rule.type}",
            "sourceRange": f"values of {self.file}.{column} that are {_beyond(low, high)}",
            "sourceValues": f"values of {self.file}.{column} that are none of those declared",
            "sourcePattern": f"values of {self.file}.{column} that do not fit the pattern",
            "sourceUnique": f"records of {self.file} that share {column} with another one",
            "sourceReference": f"values of {self.file}.{column} that are not in {rule.references}",
            "sourceRows": f"whether {self.file} has as many records as expected",
            "sourceFresh": f"whether the newest time in {self.file}.{column} is at most {rule.fresh_days or 0:g} days old",
        }
        return words[self.kind] + (f": {rule.why}" if rule.why else "")

    @property
    def is_counted(self) -> bool:
        """Whether it is about records, and not about the file as a whole."""
        return self.kind not in {"sourceRows", "sourceFresh"}


def _beyond(low: object, high: object) -> str:
    parts = [f"below {low}" if low is not None else "", f"above {high}" if high is not None else ""]
    return " or ".join(part for part in parts if part)


def expanded(file: str, rules: tuple[FileCheck, ...]) -> tuple[SourceCheck, ...]:
    """Give the checks that the entries of a file ask for, each of one kind."""
    found: list[SourceCheck] = []
    for rule in rules:
        of_column: dict[Kind, Any] = {
            "sourceRequired": rule.required or None,
            "sourceType": rule.type,
            "sourceRange": rule.min if rule.min is not None else rule.max,
            "sourceValues": rule.values,
            "sourcePattern": rule.pattern,
            "sourceReference": rule.references,
            "sourceFresh": rule.fresh_days,
        }
        found += [SourceCheck(kind, file, (str(rule.column),), rule) for kind, asked in of_column.items() if asked is not None]
        if rule.unique is not None:
            found.append(SourceCheck("sourceUnique", file, rule.unique, rule))
        if rule.rows is not None:
            found.append(SourceCheck("sourceRows", file, (), rule))
    return tuple(found)
