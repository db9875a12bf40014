"""The kind of view `events`: a person's codes, numbers and the time between them, as sequences.

The place of a code among all codes comes from the vocabulary or from what `plait.yaml` declares, never from what the study has seen: a
concept that some patient gets next year moves no other patient's numbers, and one patient alone has the same as in a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from pydantic import Field

from plait.cohort_settings import ConceptSet
from plait.duck import sql
from plait.errors import CohortError
from plait.featurestore.absences import Absences, with_records
from plait.featurestore.aligned import Ragged
from plait.featurestore.asof import DAY_US, NONE, History
from plait.featurestore.events import TABLES, check_tables, concepts_of, events_of, need_events
from plait.featurestore.missing import why_not
from plait.featurestore.view import View, ViewOptions, options_of
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from plait.featurestore.aligned import Flags
    from plait.featurestore.asof import Ints
    from plait.featurestore.index import Index
    from plait.featurestore.view import Question, Reading
    from plait.settings import FeatureSettings

_PACKAGE = "plait.featurestore"


class EventsOptions(ViewOptions):
    """What a view of events may be told.

    Attributes:
        tables: Tables of the CDM whose rows are events; all tables of events if empty.
        concepts: Concepts whose events count, by id or `VOCABULARY:CODE`; others are left out. All standard concepts if empty.
        exclude: Concepts of these that do not count.
        descendants: Whether what stands below a concept belongs to it.
        max_events: The newest so many of a row are kept; all if None.
    """

    tables: tuple[str, ...] = ()
    concepts: tuple[int | str, ...] = ()
    exclude: tuple[int | str, ...] = ()
    descendants: bool = True
    max_events: int | None = Field(default=None, ge=1)


class Codes(Sequence[str]):
    """Concept ids as the words of a vocabulary, ascending: of millions only those that are looked at are made."""

    def __init__(self, concept_ids: npt.NDArray[np.int64]) -> None:
        self.concept_ids = concept_ids

    def __len__(self) -> int:
        return len(self.concept_ids)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Codes: ...

    def __getitem__(self, place: int | slice) -> str | Codes:
        return Codes(self.concept_ids[place]) if isinstance(place, slice) else str(self.concept_ids[place])

    def __iter__(self) -> Iterator[str]:
        return map(str, self.concept_ids.tolist())

    def __eq__(self, other: object) -> bool:
        return len(self) == len(other) and all(map(str.__eq__, self, other)) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def places(self, concept_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Give the place of each concept; of one that is not here, that of 0, the unmapped."""
        place = np.minimum(np.searchsorted(self.concept_ids, concept_ids), len(self.concept_ids) - 1)
        return np.where(self.concept_ids[place] == concept_ids, place, np.searchsorted(self.concept_ids, 0)).astype(np.int32)


class EventsView(View):
    """Sequences of events."""

    def __init__(self, reading: Reading, name: str, options: EventsOptions) -> None:
        self.reading, self.name, self.modality, self.options = reading, name, "events", options
        self._where = f"plait.yaml: view '{name}'"
        self._tables = check_tables(options.tables, self._where)
        self._histories: dict[str, History] = {}

    @cached_property
    def codes(self) -> Codes:
        """What the places in an answer's `codes` stand for: the concepts that are declared, or all standard ones of the vocabulary and 0."""
        if self.options.concepts:
            return Codes(concepts_of(self.reading.con, self._set, self._where))
        standard = self.reading.con.execute("SELECT concept_id FROM cdm.concept WHERE standard_concept = 'S'").fetchnumpy()["concept_id"]
        return Codes(np.union1d(standard, [0]).astype(np.int64))

    @property
    def reach_days(self) -> float | None:
        """How far back its events count."""
        return self.options.lookback_days

    def align(self, index: Index, question: Question) -> Ragged:
        """Give the events of each row's person that had happened and were known at its moment, oldest first."""
        lengths, chosen = np.zeros(len(index), np.int64), []
        for rows, events in self._pairs(index, question):
            lengths += np.bincount(rows, minlength=len(index))
            chosen.append(events)
        events = np.concatenate([np.empty(0, np.int64), *chosen])
        starts = np.concatenate(([0], np.cumsum(lengths)))
        age = (np.repeat(index.at, lengths) - self._event[events]) / DAY_US
        reason = np.where(lengths > 0, np.uint8(Reason.OBSERVED), self._why_not(index, question)).astype(np.uint8)
        return Ragged(self.name, starts, self._code[events], self._number[events], age.astype(np.float32), self.codes, reason)

    def explain(self, feature: str) -> dict[str, Any]:
        """Give the concept behind a code."""
        self._concept(feature)
        cursor = self.reading.con.execute(
            "SELECT concept_id, concept_name, domain_id, vocabulary_id, concept_code FROM cdm.concept WHERE concept_id = $concept", {"concept": int(feature)}
        )
        names, row = [column[0] for column in cursor.description or ()], cursor.fetchone() or ()
        return {"view": self.name, "feature": feature, "tables": list(self._tables), **dict(zip(names, row, strict=False))}

    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the rows behind the events of a code."""
        import polars as pl

        place = int(self.codes.places(np.asarray([self._concept(feature)]))[0])
        columns = ("table_name", "row_id", "event_time", "known_time")
        lines = [pl.DataFrame(schema={"row": pl.Int64}).hstack(self._rows.select(columns).clear())]
        for rows, events in self._pairs(index, question):
            is_it = self._code[events] == place
            lines.append(pl.DataFrame({"row": rows[is_it]}).hstack(self._rows.select(columns)[events[is_it]]))
        return pl.concat(lines)

    def absences(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the absences that say why rows have no event of the view, whichever code is asked for."""
        import polars as pl

        self._concept(feature)
        has_none = np.ones(len(index), np.bool_)
        for rows, _ in self._pairs(index, question):
            has_none[rows] = False
        found = np.where(has_none, self._absences.last(index, question, self.options.since(index.at)), NONE)
        rows = np.flatnonzero(found != NONE)
        return with_records(self.reading.con, pl.DataFrame({"row": rows}).hstack(self._absences.rows.drop("person_id")[found[rows]]))

    def describe(self) -> dict[str, Any]:
        """Give the view's options, and a digest of what its codes stand for."""
        return {**super().describe(), "options": self.options.model_dump(mode="json"), "codes": {"number": len(self.codes), "sha256": self._codes_digest}}

    @cached_property
    def _codes_digest(self) -> str:
        return hashlib.sha256(self.codes.concept_ids.astype("<i8").tobytes()).hexdigest()

    @property
    def _set(self) -> ConceptSet:
        return ConceptSet(concepts=self.options.concepts, exclude=self.options.exclude, descendants=self.options.descendants, tables=self._tables)

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """All events of the view, in their total order."""
        if self.options.concepts:
            return events_of(self.reading.con, self._set, self._where)
        need_events(self.reading.con)
        frame: pl.DataFrame = self.reading.con.execute(sql(_PACKAGE, "events_of"), {"concepts": None, "tables": list(self._tables)}).pl()
        return frame

    @cached_property
    def _absences(self) -> Absences:
        """All absences of what the view asks for."""
        concepts = concepts_of(self.reading.con, self._set, self._where).tolist() if self.options.concepts else None
        return Absences.of(self.reading.con, concepts, [TABLES[table] for table in self._tables])

    @cached_property
    def _event(self) -> Ints:
        import polars as pl

        return self._rows["event_time"].cast(pl.Int64).to_numpy()

    @cached_property
    def _code(self) -> npt.NDArray[np.int32]:
        return self.codes.places(self._rows["concept_id"].to_numpy())

    @cached_property
    def _number(self) -> npt.NDArray[np.float32]:
        import polars as pl

        return self._rows["number"].cast(pl.Float32).fill_null(float("nan")).to_numpy()

    def _history(self, question: Question) -> History:
        """Give the events as they became known, or, on OHDSI's clock, as they happened."""
        import polars as pl

        if question.clock not in self._histories:
            known = self._rows["known_time"].cast(pl.Int64).to_numpy() if question.clock == "known" else None
            self._histories[question.clock] = History.of(self._rows["person_id"].to_numpy(), self._event, known)
        return self._histories[question.clock]

    def _pairs(self, index: Index, question: Question) -> Iterator[tuple[Ints, Ints]]:
        """Give rows and their events, the newest `max_events` of each."""
        for rows, events in self._history(question).pairs(index.person_id, index.at, self.options.since(index.at)):
            if self.options.max_events is None:
                yield rows, events
            else:
                ends = np.searchsorted(rows, rows, side="right")
                is_kept = ends - np.arange(len(rows)) <= self.options.max_events
                yield rows[is_kept], events[is_kept]

    def _why_not(self, index: Index, question: Question) -> npt.NDArray[np.uint8]:
        """Give the reason that a row without events has."""
        covered = {domain for (domain,) in self.reading.con.execute("SELECT DISTINCT domain_id FROM plait.coverage").fetchall()}
        is_captured = not covered or covered & {TABLES[table] for table in self._tables}
        silent = {} if is_captured else {Reason.NOT_CAPTURED: np.ones(len(index), np.bool_)}
        since = self.options.since(index.at)
        said = self._absences.reasons(index, question, since)
        return why_not(index, question, (self._history(question),), since, {reason: _either(said, silent, reason) for reason in {*said, *silent}})

    def _concept(self, feature: str) -> int:
        """Give the concept of a code that the view knows."""
        concept = int(feature) if feature.isdecimal() else -1
        place = np.searchsorted(self.codes.concept_ids, concept)
        if place == len(self.codes) or self.codes.concept_ids[place] != concept:
            raise CohortError(f"view '{self.name}'", expected=f"one of its {len(self.codes)} codes", got=f"'{feature}'", todo="A code is a concept_id.")
        return concept


def _either(one: dict[Reason, Flags], other: dict[Reason, Flags], reason: Reason) -> Flags:
    """Give the rows for which either says a reason."""
    flags = [said[reason] for said in (one, other) if reason in said]
    together: Flags = np.logical_or.reduce(flags)
    return together


def open_view(reading: Reading, settings: FeatureSettings) -> EventsView:
    """Open a view of events.

    Raises:
        ConfigError: Options that it does not know, or a table that is none of events.
    """
    return EventsView(reading, settings.view, options_of(EventsOptions, settings))
