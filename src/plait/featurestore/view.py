"""A view: a named way to turn what is known of a patient into numbers, declared in `plait.yaml`.

A kind of view is a module that gives `open_view`; it is registered in the entry-point group `plait.modalities`, as a third party's would be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from plait.errors import ConfigError, did_you_mean
from plait.featurestore.aligned import Presence
from plait.featurestore.asof import DAY_US
from plait.settings import misfit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb
    import polars as pl

    from plait.etl.commit import Version
    from plait.featurestore.aligned import Aligned, Ragged
    from plait.featurestore.asof import Ints
    from plait.featurestore.index import Index
    from plait.featurestore.sparse import Sparse
    from plait.settings import FeatureSettings, Settings

ENTRY_POINTS = "plait.modalities"
"""Entry-point group in which packages register kinds of views: modules with a function `open_view(reading, settings)`."""

OptionsT = TypeVar("OptionsT", bound="ViewOptions")


@dataclass(frozen=True, slots=True)
class Reading:
    """The version of a study that a query reads.

    Attributes:
        study: The study's folder.
        version: The version.
        settings: What `plait.yaml` says.
        con: A connection with the version's schemas `cdm` and `plait`; views may make temporary tables in it.
    """

    study: Path
    version: Version
    settings: Settings
    con: duckdb.DuckDBPyConnection


class ViewOptions(BaseModel):
    """What any kind of view may be told in `plait.yaml`; each kind adds its own.

    Attributes:
        lookback_days: What happened longer ago than this does not count (OUT_OF_WINDOW); all counts if None.
        presence: When the view as a whole is there: `any`, `all`, or the least fraction of its features.
        recipe: What is to be fitted on training rows and applied afterwards: a step or a list of them, see `plait.featurestore.recipes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookback_days: float | None = Field(default=None, gt=0)
    presence: Literal["any", "all"] | Annotated[float, Field(gt=0, le=1)] = "any"
    recipe: Any = None

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, recipe: Any) -> Any:  # noqa: ANN401 - what YAML gives
        from plait.featurestore.recipes import parse_recipe

        return [step.model_dump() for step in parse_recipe(recipe, "recipe")] or None

    def since(self, at: Ints) -> Ints | None:
        """Give where the window of a row at each moment begins, in microseconds since 1970 `(n_rows,)`; None where all of the past counts."""
        return None if self.lookback_days is None else at - round(self.lookback_days * DAY_US)

    @property
    def present(self) -> Presence:
        """The rule by which a row is present."""
        if isinstance(self.presence, float):
            return Presence("min_fraction", self.presence)
        return Presence("all" if self.presence == "all" else "any")


@dataclass(frozen=True, slots=True)
class Question:
    """How a query asks: what the clock is, and whether it may tell of the future.

    Attributes:
        clock: `known`: what had happened and was known; `ohdsi`: what had happened, with ends that lie in the future.
        audit: Whether NOT_YET_KNOWN may be said, which tells of the future.
        columns: Features that views are to answer with, by view: those of views whose features are what is found, such as covariates.
    """

    clock: Literal["known", "ohdsi"] = "known"
    audit: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, clock: str, *, audit: bool, columns: Mapping[str, tuple[str, ...]] | None = None) -> Self:
        """Give a question with a clock of this name.

        Raises:
            ConfigError: No such clock.
        """
        if clock not in {"known", "ohdsi"}:
            raise ConfigError("clock", expected="'known' or 'ohdsi'", got=f"'{clock}'", todo="Leave it out for what was known at the moment.")
        return cls(cast("Literal['known', 'ohdsi']", clock), audit, columns or {})


class View(ABC):
    """A view of a reading.

    Attributes:
        name: Its name in `plait.yaml`.
        modality: Its kind.
    """

    name: str
    modality: str

    @property
    def reach_days(self) -> float | None:
        """How far back an answer looks from a row's moment; None where it may look at all of the past. Consent is asked for that time."""
        return None

    @abstractmethod
    def align(self, index: Index, question: Question) -> Aligned | Sparse | Ragged:
        """Give what was known of each row's person at its moment: as many rows, in the same order."""

    @abstractmethod
    def explain(self, feature: str) -> dict[str, Any]:
        """Give what a feature stands for: concept, gene, encoder and dimension; and how it is made."""

    @abstractmethod
    def sources(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give the rows behind the values of a feature: `row` (place in the index), `table_name`, `row_id`, `event_time`, `known_time`."""

    def absences(self, feature: str, index: Index, question: Question) -> pl.DataFrame:
        """Give why rows have no value of a feature, where a source's records say so: the absence that gave the reason, and its record.

        Returns:
            A frame with the columns of `plait.featurestore.absences.no_absences`.
        """
        del feature, index, question
        from plait.featurestore.absences import no_absences

        return no_absences()

    def describe(self) -> dict[str, Any]:
        """Give what a snapshot keeps of the view: its kind, its recipe, and all that decides its numbers."""
        options = getattr(self, "options", None)
        return {"view": self.name, "modality": self.modality, "recipe": options.recipe if isinstance(options, ViewOptions) else None}


def open_view(reading: Reading, name: str) -> View:
    """Open the view that `plait.yaml` declares under a name.

    Raises:
        ConfigError: No such view, no such kind, or options that the kind does not know.
    """
    declared = {view.view: view for view in reading.settings.features}
    if name not in declared:
        todo = did_you_mean(name, declared, f"There are: {', '.join(declared) or 'none; declare one under features'}.")
        raise ConfigError("plait.yaml, features", expected="a view of this name", got=f"'{name}'", todo=todo)
    settings = declared[name]
    found = [point for point in entry_points(group=ENTRY_POINTS) if point.name == settings.modality]
    if len({point.value for point in found}) > 1:
        values = ", ".join(sorted(point.value for point in found))
        raise ConfigError(
            f"modality '{settings.modality}'", expected="one registered kind of this name", got=f"several: {values}", todo="Uninstall all but one."
        )
    if not found:
        known = sorted({point.name for point in entry_points(group=ENTRY_POINTS)})
        todo = did_you_mean(settings.modality, known, f"Known kinds: {', '.join(known)}.")
        raise ConfigError(f"plait.yaml: view '{name}'", expected="a kind of view that plait knows", got=f"'{settings.modality}'", todo=todo)
    view: View = found[0].load().open_view(reading, settings)
    return view


def options_of(model: type[OptionsT], settings: FeatureSettings) -> OptionsT:
    """Give a view's options as its kind's `model`.

    Raises:
        ConfigError: A key or value that does not fit; names the view and the nearest right key.
    """
    try:
        return model.model_validate(settings.options)
    except ValidationError as error:
        raise misfit(error, f"plait.yaml: view '{settings.view}'", f"views of kind '{settings.modality}'", model.model_fields) from None
