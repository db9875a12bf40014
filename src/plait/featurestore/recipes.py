"""Recipes: what is fitted on training rows and then applied to a view's values (`recipe:` of a view in `plait.yaml`).

A step learns numbers from what was observed in training rows, and applies them to one row at a time: asked for alone, a row gets the very
numbers that it gets in a batch, however many threads there are. What is missing stays missing, for its reason.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from plait.errors import ConfigError, NotFittedError
from plait.featurestore.aligned import first_reason
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from plait.featurestore.aligned import Aligned

State = dict[str, "npt.NDArray[Any]"]
"""What a step has learnt, by names that are its own."""

_GRID = 1_001
"""Quantiles by which ranks are kept."""

_ROWS_AT_ONCE = 1_024


class Step(BaseModel):
    """One step of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    learns: ClassVar[bool] = True
    """Whether it has anything to learn."""

    def learn(self, answer: Aligned) -> State:
        """Learn from training rows.

        Raises:
            NotFittedError: They are too few.
        """
        raise NotImplementedError

    def apply(self, answer: Aligned, state: State) -> Aligned:
        """Give the view as the step makes it."""
        raise NotImplementedError


class Zscore(Step):
    """Values less the mean, in standard deviations (of the population, as scikit-learn's StandardScaler); a constant feature becomes 0."""

    kind: Literal["zscore"]

    def learn(self, answer: Aligned) -> State:
        """Learn mean and deviation of each feature, 0 and 1 of one that was never observed."""
        mean, deviation = moments(answer.values, answer.observed)
        return {"mean": mean, "deviation": deviation}

    def apply(self, answer: Aligned, state: State) -> Aligned:
        """Give the view in standard deviations."""
        return replace(answer, values=((answer.values - state["mean"]) / state["deviation"]).astype(np.float32), reason=answer.spread_reason)


class Log1p(Step):
    """The logarithm of 1 + value, for counts and intensities."""

    kind: Literal["log1p"]
    learns: ClassVar[bool] = False

    def learn(self, answer: Aligned) -> State:
        """Learn nothing."""
        del answer
        return {}

    def apply(self, answer: Aligned, state: State) -> Aligned:
        """Give the logarithms.

        Raises:
            NotFittedError: A value is -1 or less, which has none.
        """
        del state
        wrong = np.flatnonzero((answer.values <= -1).any(axis=0))
        if len(wrong):
            raise NotFittedError(
                f"view '{answer.view}', recipe log1p",
                expected="values above -1",
                got=f"others in {len(wrong)} features, '{answer.names[wrong[0]]}' among them",
                todo="Use zscore or rank.",
            )
        return replace(answer, values=np.log1p(answer.values), reason=answer.spread_reason)


class Rank(Step):
    """The place of a value among the training rows, 0 to 1; equal values share the middle of their places. Kept by 1,001 quantiles."""

    kind: Literal["rank"]

    def learn(self, answer: Aligned) -> State:
        """Learn quantiles of each feature, NaN of one that was never observed."""
        values = np.where(answer.observed, answer.values, np.nan).astype(np.float64)
        grid = np.full((_GRID, values.shape[1]), np.nan)
        seen = ~np.isnan(values).all(axis=0)
        if seen.any():
            grid[:, seen] = np.nanquantile(values[:, seen], np.linspace(0, 1, _GRID), axis=0)
        return {"quantiles": np.maximum.accumulate(grid, axis=0)}

    def apply(self, answer: Aligned, state: State) -> Aligned:
        """Give the places."""
        values = np.full(answer.values.shape, np.nan, np.float32)
        share = np.linspace(0, 1, _GRID)
        for place, grid in enumerate(state["quantiles"].T):
            column = answer.values[:, place].astype(np.float64)
            if np.isnan(grid[0]):
                values[:, place] = np.where(np.isnan(column), np.nan, 0.5)
            else:  # from both sides, so that a value which many have gets the middle of its places
                values[:, place] = (np.interp(column, grid, share) - np.interp(-column, -grid[::-1], -share[::-1])) / 2
        return replace(answer, values=values, reason=answer.spread_reason)


class Pca(Step):
    """The first principal components of a view's values less their means.

    Attributes:
        dim: How many.
        min_fraction: Least share of features that a row must have to have components: in a row with fewer, all are missing for the row's
            reason, and in training it teaches nothing. What is missing of a row with more stands at the training mean, which adds nothing to
            its components. Features that were never observed in training do not count, and add nothing.
    """

    kind: Literal["pca"]
    dim: int = Field(ge=1)
    min_fraction: float = Field(default=0.8, gt=0, le=1)

    def learn(self, answer: Aligned) -> State:
        """Learn the components `(dim, n_features)` and how much of the variance each has.

        Raises:
            NotFittedError: Fewer rows or features than components.
        """
        seen = np.any(answer.observed, axis=0)
        mean, _ = moments(answer.values, answer.observed)
        enough = self._enough(answer, seen)
        held = self._centred(answer, mean, seen)[enough][:, seen]
        if min(len(held) - 1, held.shape[1]) < self.dim:
            raise NotFittedError(
                f"view '{answer.view}', recipe pca",
                expected=f"more than {self.dim} training rows with {self.min_fraction:.0%} of at least {self.dim} features",
                got=f"{len(held)} rows, {held.shape[1]} features",
                todo="Lower dim or min_fraction.",
            )
        with one_thread():
            _, lengths, directions = np.linalg.svd(held - held.mean(axis=0), full_matrices=False)
        directions = directions[: self.dim]
        strongest = directions[np.arange(self.dim), np.abs(directions).argmax(axis=1)]
        components = np.zeros((self.dim, answer.values.shape[1]))
        components[:, seen] = directions * np.sign(strongest)[:, None]  # a component and its opposite are equally good: the strongest loading is positive
        centre = mean.copy()
        centre[seen] += held.mean(axis=0)
        share = lengths[: self.dim] ** 2 / max(float((lengths**2).sum()), np.finfo(np.float64).tiny)
        return {"mean": centre, "components": components, "seen": seen, "share": share}

    def apply(self, answer: Aligned, state: State) -> Aligned:
        """Give the components; each is as old as the oldest value behind it, and rests on the observations of all."""
        mean, components, seen = state["mean"], state["components"], state["seen"]
        enough = self._enough(answer, seen)
        values = np.full((len(answer), self.dim), np.nan, np.float32)
        for first in range(0, len(answer), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            held = self._centred(answer.take(np.arange(len(answer))[rows]), mean, seen)
            for place, component in enumerate(components):
                values[rows, place] = np.add.reduce(held * component, axis=1)  # not a matrix product: its last digits follow from the batch
        values[~enough] = np.nan
        missing = first_reason(answer.spread_reason)
        age = np.where(answer.observed, answer.age_days, -np.inf).max(axis=1, initial=-np.inf)
        return replace(
            answer,
            names=tuple(f"pc{place + 1}" for place in range(self.dim)),
            values=values,
            reason=np.where(enough, np.uint8(Reason.OBSERVED), np.where(missing == Reason.OBSERVED, np.uint8(Reason.UNKNOWN), missing))[:, None],
            age_days=np.where(enough & np.isfinite(age), age, np.nan).astype(np.float32)[:, None],
            n_obs=np.where(enough, answer.n_obs.sum(axis=1), 0).astype(np.int32)[:, None],
            filled=np.zeros((len(answer), 1), np.bool_),
            kinds=(),
        )

    def _enough(self, answer: Aligned, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Say which rows have enough of the features that were seen in training `(n_rows,)`."""
        share = answer.observed[:, seen].mean(axis=1) if seen.any() else np.zeros(len(answer))
        enough: npt.NDArray[np.bool_] = (share >= self.min_fraction) & (share > 0)
        return enough

    @staticmethod
    def _centred(answer: Aligned, mean: npt.NDArray[np.float64], seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Give values less their means, 0 where missing `(n_rows, n_features) float64`."""
        return np.where(answer.observed & seen, answer.values - mean, 0.0)


AnyStep = Annotated[Zscore | Log1p | Rank | Pca, Field(discriminator="kind")]
_STEPS: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[AnyStep, ...])


def parse_recipe(declared: Any, view: str) -> tuple[Step, ...]:  # noqa: ANN401 - what YAML gives
    """Give the steps of a recipe that is declared as one step (`{kind: pca, dim: 64}`, or `zscore` alone) or as a list of them.

    Raises:
        ConfigError: A step that is not known, or an option that does not fit.
    """
    given = [] if declared is None else declared if isinstance(declared, list | tuple) else [declared]
    try:
        steps: tuple[Step, ...] = _STEPS.validate_python([{"kind": step} if isinstance(step, str) else step for step in given])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            f"view '{view}', recipe", expected="zscore, log1p, rank or pca, with its options", got=first["msg"], todo="For example {kind: pca, dim: 64}."
        ) from None
    return steps


def moments(values: npt.NDArray[np.float32], observed: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give mean and standard deviation of each feature's observed values `(n_features,)`; 0 and 1 where there is none, 1 where all are equal."""
    count = observed.sum(axis=0)
    mean = np.where(observed, values, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    variance = np.where(observed, values - mean, 0.0).__pow__(2).sum(axis=0) / np.maximum(count, 1)
    deviation = np.sqrt(variance)
    return mean, np.where(deviation > np.abs(mean) * np.finfo(np.float32).eps, deviation, 1.0)


@contextmanager
def one_thread() -> Iterator[None]:
    """Have linear algebra run on one thread: on several, the last digits follow from their number."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
