"""How `plait.yaml` declares a cohort: what makes somebody enter it, who stays in, and what is to be predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_NAME = r"^[a-z][a-z0-9_]*$"


class ConceptSet(BaseModel):
    """Concepts that stand for one thing.

    Attributes:
        concepts: Concept ids, or codes of a vocabulary: `SNOMED:254637007`.
        exclude: Concepts that are left out, in the same form.
        descendants: Whether what stands below a concept (CONCEPT_ANCESTOR) counts as well, or is left out as well.
        tables: Tables of the CDM in which to look; all tables of events if empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    concepts: tuple[int | str, ...] = ()
    exclude: tuple[int | str, ...] = ()
    descendants: bool = True
    tables: tuple[str, ...] = ()

    @field_validator("concepts", "exclude")
    @classmethod
    def _readable(cls, named: tuple[int | str, ...]) -> tuple[int | str, ...]:
        for name in named:
            if isinstance(name, str) and not all(name.partition(":")[::2]):
                raise ValueError(f"'{name}'; a concept is its id, or VOCABULARY:CODE")
        return named


class IndexSettings(ConceptSet):
    """What makes a row of a cohort: one of `concepts`, `sql`, `cohort_definition_id` and `file`.

    Attributes:
        sql: A file with one SELECT that gives `person_id` and `prediction_time`.
        cohort_definition_id: Rows of the CDM's COHORT table.
        file: A CSV or Parquet file with rows: `person_id` or `subject_id`, and `prediction_time` or `cohort_start_date`.
        occurrence: The `first` of a person's index events, or `every` one.
        clock: Whether a row stands when the event was `known`, or when the `event` happened.
        washout_days: An event counts only where no other of the set happened so many days before it.
        after_days: A row stands so many days after its event: time for reports to come, a landmark.
    """

    sql: Path | None = None
    cohort_definition_id: int | None = None
    file: Path | None = None
    occurrence: Literal["first", "every"] | None = None
    clock: Literal["known", "event"] | None = None
    washout_days: float | None = Field(default=None, gt=0)
    after_days: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [name for name in ("concepts", "sql", "cohort_definition_id", "file") if getattr(self, name) not in {None, ()}]
        if len(kinds) != 1:
            raise ValueError(f"{' and '.join(kinds) or 'nothing'}; name one of concepts, sql, cohort_definition_id and file")
        if kinds != ["concepts"]:
            idle = [name for name in ("exclude", "tables", "clock", "washout_days", "after_days") if getattr(self, name) not in {None, ()}]
            if idle:
                raise ValueError(f"{idle[0]} with {kinds[0]}; it belongs to concepts")
        if self.washout_days is not None and self.occurrence != "every":
            raise ValueError("washout_days without occurrence: every; before a person's first event there is no other")
        return self

    @property
    def takes_first(self) -> bool:
        """Whether a person has one row: the first event of a set of concepts; of rows that are given all count, unless told otherwise."""
        return self.occurrence == "first" or (self.occurrence is None and bool(self.concepts))


class EventRule(ConceptSet):
    """How many events of a set a person has had around a row's moment.

    Attributes:
        at_least: The fewest; 1 where `at_most` is not told either.
        at_most: The most.
        window_days: Where the window begins and ends, in days from the moment; neither is after it. All of the past if left out.
    """

    concepts: tuple[int | str, ...] = Field(min_length=1)
    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)
    window_days: tuple[float, float] | None = None

    @field_validator("window_days")
    @classmethod
    def _in_the_past(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and not window[0] < window[1] <= 0:
            raise ValueError("a window that does not lie before the moment; who is in a cohort is decided by what was known then")
        return window


class RuleSettings(BaseModel):
    """One condition that rows of a cohort must meet; exactly one of these.

    Attributes:
        age: The least and the greatest age in years, both included.
        sex: Codes of the vocabulary Gender: `F`, `M`.
        prior_observation_days: Days for which the person has been observed by then.
        events: Events that the person must have had, or must not.
        view: A view that must be there for the row.
        alive: Whether nothing was known of the person's death.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    age: tuple[float, float] | None = None
    sex: tuple[str, ...] | None = Field(default=None, min_length=1)
    prior_observation_days: int | None = Field(default=None, ge=0)
    events: EventRule | None = None
    view: str | None = None
    alive: Literal[True] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        told = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(told) != 1:
            raise ValueError(f"{', '.join(told) or 'nothing'}; a rule is one of age, sex, prior_observation_days, events, view and alive")
        return self


class OutcomeSettings(ConceptSet):
    """What is to be predicted of a row. It lies in the future on purpose.

    Attributes:
        name: The label's name.
        kind: `time_to_event`: days to an event, or to the end of follow-up; `binary`: whether it comes within a horizon; `value`: a number.
        death: Whether death is the event, with or instead of concepts.
        horizon_days: How far a binary label looks.
        take: Which number of the window, the `first` or the `last`.
        window_days: Where a value's window begins and ends, in days from the moment.
    """

    name: str = Field(pattern=_NAME)
    kind: Literal["time_to_event", "binary", "value"]
    death: bool = False
    horizon_days: float | None = Field(default=None, gt=0)
    take: Literal["first", "last"] | None = None
    window_days: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not (self.concepts or self.death):
            raise ValueError("no event; name concepts, or death: true")
        if (self.kind == "binary") != (self.horizon_days is not None):
            raise ValueError("horizon_days belongs to outcomes of kind binary, and they need it")
        if self.kind == "value" and self.death:
            raise ValueError("death has no value; name concepts")
        if self.kind == "value" and (self.window_days is None or not 0 <= self.window_days[0] < self.window_days[1]):
            raise ValueError("a value needs window_days that lie after the moment: [0, 365]")
        if self.kind != "value" and not (self.window_days is None and self.take is None):
            raise ValueError("window_days and take belong to outcomes of kind value")
        return self


class CohortSettings(BaseModel):
    """One cohort.

    Attributes:
        name: Its name.
        index: What makes a row.
        rules: What rows must meet, one after another.
        follow_up_days: Follow-up ends so many days after the moment, if it has not ended before.
        outcomes: What is to be predicted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME)
    index: IndexSettings
    rules: tuple[RuleSettings, ...] = ()
    follow_up_days: float | None = Field(default=None, gt=0)
    outcomes: tuple[OutcomeSettings, ...] = ()

    @model_validator(mode="after")
    def _one_name_once(self) -> Self:
        names = [outcome.name for outcome in self.outcomes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two outcomes of one name: {', '.join(twice)}")
        return self

    def below(self, root: Path) -> Self:
        """Give the cohort with absolute paths."""
        paths = {name: root / path for name, path in (("sql", self.index.sql), ("file", self.index.file)) if path is not None}
        return self.model_copy(update={"index": self.index.model_copy(update=paths)})
