"""Consent: whose data of which kind and of which time are withheld (the file that `consent:` names in `plait.yaml`).

A line permits or denies data of a modality and a period, in the words of FHIR's Consent (R5 `Consent.decision`, `provision.dataPeriod`).
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from plait.errors import ConfigError
from plait.etl.crosswalk import linked_crosswalk
from plait.featurestore.aligned import Aligned
from plait.featurestore.asof import DAY_US, EVER
from plait.featurestore.sparse import Sparse
from plait.featurestore.view import ENTRY_POINTS
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from plait.featurestore.index import Index
    from plait.featurestore.table import Answer
    from plait.featurestore.view import Reading, View

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Span = tuple[int, int]

COLUMNS = ("person", "system", "modality", "decision", "from", "to")
"""Columns of the file."""
_NEEDED = ("person", "modality", "decision")
_ALL, _MORE = "*", ""
_END = np.iinfo(np.int64).max
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: whose data of which modality, whether permitted, from and to which moment (both included)."""

    person_id: int
    modality: str
    is_permit: bool
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Consent:
    """What patients permit.

    A person with a `permit` line for a modality permits its data within the periods of these lines alone; `deny` lines take away; who
    has no line permits all.

    Attributes:
        digest: SHA-256 of the file, None where the study has none.
        unknown: Lines of persons whom the study does not know.
        lines: The lines, in their order.
    """

    digest: str | None = None
    unknown: int = 0
    lines: tuple[Line, ...] = ()
    _spans: dict[str, tuple[Ints, Ints, Ints, Ints]] = field(default_factory=dict)

    @classmethod
    def read(cls, reading: Reading) -> Self:
        """Read the study's consent file; without one, nobody withholds anything.

        Raises:
            ConfigError: No such file, or a line that cannot be understood: a system that nobody has, a modality that does not exist, a period
                that ends before it begins. Names the line, and nobody's identifier.
        """
        file = reading.settings.consent
        if file is None:
            return cls()
        try:
            content = file.read_bytes()
            rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restkey=_MORE, restval="")
            columns = [name.strip() for name in rows.fieldnames or ()]
        except (OSError, UnicodeDecodeError):
            raise ConfigError(file, expected="a consent file, as UTF-8 text", got="no file that can be read", todo="Mend 'consent' in plait.yaml.") from None
        _check_columns(file, columns)
        persons = _persons(reading)
        read = [_line(f"{file}:{rows.line_num}", row, persons) for row in rows]
        lines = tuple(line for line in read if line is not None)
        return cls(hashlib.sha256(content).hexdigest(), len(read) - len(lines), lines)

    def withheld(self, index: Index, modality: str, lookback_days: float | None = None) -> Flags:
        """Say of each row whether data of a modality that its person does not permit would be looked at `(n_rows,)`.

        A view looks back from the row's moment, as far as it looks: a time that is not permitted in there withholds the whole view of the row.
        """
        since = np.full(len(index), EVER) if lookback_days is None else index.at - round(lookback_days * DAY_US) + 1
        return self.withheld_between(index.person_id, since, index.at, modality)

    def withheld_between(self, person_id: Ints, since: Ints, until: Ints, modality: str) -> Flags:
        """Say whether a moment from `since` to `until` is not permitted `(n_rows,)`; the first moment of all is `EVER`."""
        if not self.lines:
            return np.zeros(len(person_id), np.bool_)
        persons, starts, begins, ends = self._permitted(modality)
        if not len(persons):
            return np.zeros(len(person_id), np.bool_)
        place = np.minimum(np.searchsorted(persons, person_id), len(persons) - 1)
        has_lines = persons[place] == person_id
        permitted = np.zeros(len(person_id), np.bool_)
        first, last = starts[place], starts[place + 1]
        for number in range(int((last - first).max(initial=0))):  # spans of one person: a few
            span = np.minimum(first + number, len(begins) - 1)
            permitted |= (first + number < last) & (begins[span] <= since) & (until <= ends[span])
        withheld: Flags = has_lines & ~permitted
        return withheld

    def applied(self, answer: Answer, view: View, index: Index) -> Answer:
        """Give a view's answer without what is not permitted; that something older exists is not told either, where it is of a time that is not."""
        if not self.lines:
            return answer
        rows = self.withheld(index, view.modality, view.reach_days)
        if view.reach_days is not None:
            rows |= self.withheld(index, view.modality) & _tells_of_older(answer)
        return answer.withhold(rows, Reason.WITHHELD)

    def describe(self) -> dict[str, Any]:
        """Give what a snapshot keeps of it: the file's digest, and how many lines counted."""
        return {"sha256": self.digest, "lines": len(self.lines), "unknown_persons": self.unknown}

    def _permitted(self, modality: str) -> tuple[Ints, Ints, Ints, Ints]:
        """Give persons with lines for a modality, where the spans of each begin among all, and the first and last moment of each span."""
        if modality not in self._spans:
            by_person: dict[int, list[Line]] = defaultdict(list)
            for line in self.lines:
                if line.modality in {_ALL, modality}:
                    by_person[line.person_id].append(line)
            spans = {person: _allowed(lines) for person, lines in sorted(by_person.items())}
            starts = np.concatenate(([0], np.cumsum([len(held) for held in spans.values()]))).astype(np.int64)
            flat = np.asarray([span for held in spans.values() for span in held], np.int64).reshape(-1, 2)
            self._spans[modality] = (np.asarray(list(spans), np.int64), starts, flat[:, 0], flat[:, 1])
        return self._spans[modality]


def _tells_of_older(answer: Answer) -> Flags:
    """Say which rows of an answer have OUT_OF_WINDOW as a reason."""
    tells: Flags = answer.row_reason == Reason.OUT_OF_WINDOW
    if isinstance(answer, Sparse):
        tells |= (answer.silence == Reason.OUT_OF_WINDOW).any(axis=1)
    elif isinstance(answer, Aligned):
        tells |= (answer.spread_reason == Reason.OUT_OF_WINDOW).any(axis=1)
    return tells


def _allowed(lines: list[Line]) -> list[Span]:
    """Give the spans that a person's lines permit, ascending, none touching the next."""
    permits = sorted(line.span for line in lines if line.is_permit) or [(int(EVER), int(_END))]
    spans: list[Span] = []
    for begin, end in permits:
        if spans and begin <= spans[-1][1] + 1:
            spans[-1] = spans[-1][0], max(spans[-1][1], end)
        else:
            spans.append((begin, end))
    for line in lines:
        if not line.is_permit:
            spans = [part for span in spans for part in _without(span, line.span)]
    return spans


def _without(span: Span, taken: Span) -> list[Span]:
    """Give what is left of a span, at most two parts."""
    if taken[1] < span[0] or taken[0] > span[1]:
        return [span]
    before = [(span[0], taken[0] - 1)] if taken[0] > span[0] else []
    after = [(taken[1] + 1, span[1])] if taken[1] < span[1] else []
    return before + after


def _check_columns(file: Path, columns: list[str]) -> None:
    """Fail where a column is missing or unknown."""
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise ConfigError(
            f"{file}:1", expected=f"columns {', '.join(COLUMNS)}", got=f"none called '{missing[0]}'", todo="Add it; system, from and to can be left out."
        )
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise ConfigError(f"{file}:1", expected=f"columns {', '.join(COLUMNS)} alone", got=f"'{unknown[0]}'", todo="Remove or rename it.")


def _line(where: str, row: dict[str, Any], persons: dict[str, dict[str, int]]) -> Line | None:
    """Give a line, None where the study does not know its person."""
    if _MORE in row:
        raise ConfigError(where, expected=f"at most {len(row) - 1} fields", got="more", todo="Quote a field with a comma.")
    told = {key.strip(): value.strip() for key, value in row.items()}
    system = told.get("system", "")
    if not system and len(persons) != 1:
        raise ConfigError(where, expected="the system of the person's identifier", got="none", todo=f"The study has: {', '.join(sorted(persons)) or 'none'}.")
    if system and system not in persons:
        raise ConfigError(
            where, expected="a system of person identifiers that the study has", got=f"'{system}'", todo=f"It has: {', '.join(sorted(persons)) or 'none'}."
        )
    kinds = {point.name for point in entry_points(group=ENTRY_POINTS)}
    if told["modality"] not in {_ALL, *kinds}:
        raise ConfigError(where, expected="a modality, or * for all", got=f"'{told['modality']}'", todo=f"There are: {', '.join(sorted(kinds))}.")
    if told["decision"] not in {"permit", "deny"}:
        raise ConfigError(where, expected="'permit' or 'deny' in 'decision'", got="another word", todo="Mend the line.")
    begin, end = _moment(where, told.get("from", ""), "from"), _moment(where, told.get("to", ""), "to")
    if begin is not None and end is not None and end < begin:
        raise ConfigError(where, expected="a period that ends after it begins", got="one that ends before", todo="Change 'from' and 'to'.")
    known = persons[system] if system else next(iter(persons.values()))
    person_id = known.get(told["person"])
    span = (int(EVER) if begin is None else begin, int(_END) if end is None else end + DAY_US - 1)
    return None if person_id is None else Line(person_id, told["modality"], told["decision"] == "permit", span)


def _moment(where: str, text: str, column: str) -> int | None:
    """Give the first moment of a day, None where none is told."""
    if not text:
        return None
    try:
        return (dt.date.fromisoformat(text) - _EPOCH).days * DAY_US
    except ValueError:
        raise ConfigError(where, expected=f"a date in '{column}' (2024-12-31), or nothing", got="something else", todo="Mend the line.") from None


def _persons(reading: Reading) -> dict[str, dict[str, int]]:
    """Give whose each identifier is, by system, links followed."""
    found = defaultdict[str, dict[str, int]](dict)
    for system, identifier, person_id in linked_crosswalk(reading.study, reading.version).iter_rows():
        found[system][identifier] = person_id
    return dict(found)
