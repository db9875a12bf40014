"""Imputers: numbers for what is missing, learnt from training rows and from nothing else.

They see the dense views side by side, one row at a time. A row is filled from itself and from what training rows taught, never from another row
of its person: nothing is carried back in time. What is filled stays missing, with its reason; it is `filled`, not `observed`. What does not
apply to a patient (NOT_APPLICABLE) is not filled, and neither is a feature that was never observed in training, unless by a constant.

The arithmetic is our own, and held to scikit-learn's in the tests: what is learnt is plain arrays with names, so that it is saved without
pickle, and a row's numbers do not follow from the batch that it comes in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from plait.errors import ConfigError
from plait.featurestore.aligned import Aligned
from plait.featurestore.chance import normal, uniform
from plait.featurestore.recipes import moments, one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from plait.featurestore.aligned import Rows
    from plait.featurestore.recipes import State
    from plait.schema.reasons import Reason

    Doubles = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Ints = npt.NDArray[np.int64]

_ROWS_AT_ONCE = 256
_REACH = 10
"""How many times the wanted neighbours are looked at first."""

_GRID, _FARTHEST = 4_096, 64
"""Steps of a deviation, and deviations, within which distances are exact: for 2^15 columns, as 2 · 12 + 2 · 6 + 2 + 15 bits make 53."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Values of all dense views side by side, with whose they are.

    Attributes:
        values: `(n_rows, n_columns) float32`.
        observed: `(n_rows, n_columns) bool`; what is not observed is to be filled.
        person_id: `(n_rows,)`.
        at: Each row's moment, `(n_rows,)`.
    """

    values: npt.NDArray[np.float32]
    observed: Flags
    person_id: Ints
    at: Ints


@dataclass(frozen=True, eq=False)
class Imputed(Aligned):
    """An answer whose missing values were filled several times over; `values` holds the mean of the draws.

    Attributes:
        draws: The values of each draw, the same where they were observed, `(n_draws, n_rows, n_features) float32`.
    """

    draws: npt.NDArray[np.float32] | None = None

    def take(self, rows: Rows) -> Self:
        """Give some of the rows, in the order of `rows`."""
        taken = super().take(rows)
        return taken if self.draws is None else replace(taken, draws=self.draws[:, rows])

    def columns(self, features: Sequence[int]) -> Self:
        """Give some of the features, by their places."""
        chosen = super().columns(features)
        return chosen if self.draws is None else replace(chosen, draws=self.draws[:, :, list(features)])

    def withhold(self, rows: Flags, reason: Reason) -> Self:
        """Take all values of some rows away, for a reason that comes before any other `(n_rows,) bool`."""
        kept = super().withhold(rows, reason)
        return kept if self.draws is None else replace(kept, draws=np.where(rows[:, None], np.float32(np.nan), self.draws))

    def draw(self, number: int) -> npt.NDArray[np.float32]:
        """Give the values of one draw `(n_rows, n_features) float32`; numbers beyond the last begin again."""
        return self.values if self.draws is None else self.draws[number % len(self.draws)]


class Imputer(BaseModel):
    """A way to fill what is missing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learns: ClassVar[bool] = True
    """Whether it has anything to learn."""
    fills_unseen: ClassVar[bool] = False
    """Whether it fills features that were never observed in training."""

    def learn(self, cells: Cells) -> State:
        """Learn from training rows."""
        raise NotImplementedError

    def fill(self, cells: Cells, state: State) -> npt.NDArray[np.float32]:
        """Give a value for every cell in every draw `(n_draws, n_rows, n_columns) float32`; only those that are missing are used."""
        raise NotImplementedError


class Simple(Imputer):
    """Fills with the mean or the median of the training rows."""

    kind: Literal["mean", "median"]

    def learn(self, cells: Cells) -> State:
        """Learn the value of each column, NaN where it was never observed."""
        seen = cells.observed.any(axis=0)
        value = np.full(cells.values.shape[1], np.nan)
        held = np.where(cells.observed, cells.values, np.nan)[:, seen].astype(np.float64)
        if held.size:
            value[seen] = moments(cells.values, cells.observed)[0][seen] if self.kind == "mean" else np.nanmedian(held, axis=0)
        return {"value": value}

    def fill(self, cells: Cells, state: State) -> npt.NDArray[np.float32]:
        """Give the column's value."""
        return np.broadcast_to(state["value"].astype(np.float32), (1, *cells.values.shape))


class Constant(Imputer):
    """Fills with one number.

    Attributes:
        value: The number.
    """

    kind: Literal["constant"]
    value: float = 0.0
    learns: ClassVar[bool] = False
    fills_unseen: ClassVar[bool] = True

    def learn(self, cells: Cells) -> State:
        """Learn nothing."""
        del cells
        return {}

    def fill(self, cells: Cells, state: State) -> npt.NDArray[np.float32]:
        """Give the number."""
        del state
        return np.broadcast_to(np.float32(self.value), (1, *cells.values.shape))


class Nearest(Imputer):
    """Fills with the mean of the training rows that are nearest and have the value (Troyanskaya and others 2001, KNNimpute).

    How far two rows are apart is the Euclidean distance over the columns that both have, in standard deviations of the training rows, scaled up by
    the share of columns that they do not share. Rows of the same person are no neighbours. Without any, the training mean is taken.

    Attributes:
        neighbours: How many.
        donors: Most training rows that are kept to choose from; of more, chance chooses by person and moment.
    """

    kind: Literal["knn"]
    neighbours: int = Field(default=5, ge=1)
    donors: int = Field(default=5_000, ge=1)

    def learn(self, cells: Cells) -> State:
        """Keep the donors, in standard deviations (NaN where missing), with whose they are."""
        mean, deviation = moments(cells.values, cells.observed)
        rows = np.arange(len(cells.values))
        if len(rows) > self.donors:
            rows = np.sort(np.argsort(uniform(0, cells.person_id, cells.at), kind="stable")[: self.donors])
        held = np.where(cells.observed[rows], (cells.values[rows] - mean) / deviation, np.nan)
        return {"mean": mean, "deviation": deviation, "donors": held, "person_id": cells.person_id[rows]}

    def fill(self, cells: Cells, state: State) -> npt.NDArray[np.float32]:
        """Give the mean of the nearest donors' values."""
        mean, deviation, donors = state["mean"], state["deviation"], state["donors"]
        standard = np.where(cells.observed, (cells.values - mean) / deviation, np.nan)
        filled = np.zeros(cells.values.shape)
        for first in range(0, len(standard), _ROWS_AT_ONCE):
            rows = np.arange(first, min(first + _ROWS_AT_ONCE, len(standard)))
            rows = rows[~cells.observed[rows].all(axis=1)]
            distance = _distances(standard[rows], donors)
            distance[cells.person_id[rows][:, None] == state["person_id"][None, :]] = np.inf
            order = np.argsort(distance, axis=1, kind="stable")
            is_near = np.isfinite(np.take_along_axis(distance, order, axis=1))
            for column in np.flatnonzero(~cells.observed[rows].all(axis=0)):
                asking = np.flatnonzero(~cells.observed[rows, column])
                filled[rows[asking], column] = self._mean_of_nearest(donors[:, column], order[asking], is_near[asking])
        return (filled * deviation + mean).astype(np.float32)[None]

    def _mean_of_nearest(self, donated: Doubles, order: Ints, is_near: Flags) -> Doubles:
        """Give the mean of the first values along `order` that are there `(n_rows,)`, 0 where there is none; most are found among the nearest few."""

        def within(reach: int) -> tuple[Doubles, Ints]:
            values = np.where(is_near[:, :reach], donated[order[:, :reach]], np.nan)
            return values, np.cumsum(~np.isnan(values), axis=1)

        values, place = within(_REACH * self.neighbours)
        if (place[:, -1] < self.neighbours).any():
            values, place = within(order.shape[1])
        chosen = ~np.isnan(values) & (place <= self.neighbours)
        total = np.zeros(len(order))
        for nth in range(1, min(self.neighbours, int(place.max(initial=0))) + 1):  # one after another, so that nothing follows from how far was looked
            total += np.where(chosen & (place == nth), values, 0.0).sum(axis=1)
        mean: Doubles = total / np.maximum(chosen.sum(axis=1), 1)
        return mean


class Iterative(Imputer):
    """Fills each column by a linear regression on others, in turns (multivariate imputation by chained equations; van Buuren 2018, section 4.5).

    With several draws every draw has its own coefficients, drawn from their posterior, and its own residuals (Rubin's proper imputation; van
    Buuren 2018, algorithm 3.1): the spread between the draws is what is not known. With one draw the expected value is taken. A row's draws
    follow from its person, its moment and the seed.

    Attributes:
        draws: How many.
        rounds: How many turns.
        predictors: Most columns that one is regressed on: those with the greatest correlation.
        ridge: Added to the diagonal of the cross-products, as a share of it.
        seed: Seed of all that is drawn.
    """

    kind: Literal["iterative"]
    draws: int = Field(default=1, ge=1)
    rounds: int = Field(default=5, ge=1)
    predictors: int = Field(default=20, ge=1)
    ridge: float = Field(default=1e-3, gt=0)
    seed: int = 0

    def learn(self, cells: Cells) -> State:
        """Learn, for each draw and column, coefficients `(n_draws, n_columns, predictors + 1)`, the constant last, and the residuals' deviation."""
        mean, deviation = moments(cells.values, cells.observed)
        standard = np.where(cells.observed, (cells.values - mean) / deviation, 0.0)
        with one_thread():
            chosen = self._chosen(standard, cells.observed)
            learnt = [self._chain(standard, cells.observed, chosen, draw) for draw in range(self.draws)]
        order = np.argsort((~cells.observed).sum(axis=0), kind="stable")
        coefficients, residual = (np.stack([draw[part] for draw in learnt]) for part in range(2))
        return {"mean": mean, "deviation": deviation, "predictors": chosen, "order": order, "coefficients": coefficients, "residual": residual}

    def fill(self, cells: Cells, state: State) -> npt.NDArray[np.float32]:
        """Give each draw's values."""
        mean, deviation = state["mean"], state["deviation"]
        standard = np.where(cells.observed, (cells.values - mean) / deviation, 0.0)
        filled = np.empty((self.draws, *cells.values.shape), np.float32)
        missing = ~cells.observed
        for draw in range(self.draws):
            held = standard.copy()
            for turn in range(self.rounds):
                for column in state["order"]:
                    rows = np.flatnonzero(missing[:, column])
                    if not len(rows):
                        continue
                    coefficients = state["coefficients"][draw, column]
                    known = held[rows][:, state["predictors"][column]]
                    held[rows, column] = np.add.reduce(known * coefficients[:-1], axis=1) + coefficients[-1]
                    if self.draws > 1:
                        chance = normal(self.seed, draw, turn, int(column), cells.person_id[rows], cells.at[rows])
                        held[rows, column] += chance * state["residual"][draw, column]
            filled[draw] = held * deviation + mean
        return filled

    def _chosen(self, standard: Doubles, observed: Flags) -> Ints:
        """Give the predictors of each column `(n_columns, n_predictors)`: those whose values go with its own."""
        weight = observed.astype(np.float64)
        together = np.maximum(weight.T @ weight, 1)
        strength = np.abs(standard.T @ standard) / together * np.sqrt(together / len(standard))
        np.fill_diagonal(strength, -1)
        count = min(self.predictors, max(standard.shape[1] - 1, 0))
        return np.sort(np.argsort(-strength, axis=1, kind="stable")[:, :count], axis=1)

    def _chain(self, standard: Doubles, observed: Flags, chosen: Ints, draw: int) -> tuple[Doubles, Doubles]:
        """Give coefficients and residual deviations of the last turn of one draw's chain."""
        random = np.random.default_rng([self.seed, draw])
        held = standard.copy()
        coefficients = np.zeros((standard.shape[1], chosen.shape[1] + 1))
        residual = np.zeros(standard.shape[1])
        order = np.argsort((~observed).sum(axis=0), kind="stable")
        for turn in range(self.rounds):
            for column in order:
                have, lack = np.flatnonzero(observed[:, column]), np.flatnonzero(~observed[:, column])
                if not len(have) or (not len(lack) and turn < self.rounds - 1):
                    continue
                known = np.column_stack([held[:, chosen[column]], np.ones(len(held))])
                coefficients[column], residual[column] = self._regression(known[have], standard[have, column], random)
                held[lack, column] = known[lack] @ coefficients[column]
                if self.draws > 1:
                    held[lack, column] += random.standard_normal(len(lack)) * residual[column]
        return coefficients, residual

    def _regression(self, known: Doubles, target: Doubles, random: np.random.Generator) -> tuple[Doubles, float]:
        """Give coefficients and the deviation of the residuals: the best ones of a single draw, else drawn from their posterior."""
        products = known.T @ known
        products[np.diag_indices_from(products)] *= 1 + self.ridge
        products[np.diag_indices_from(products)] += 1e-9  # of a column that is 0 throughout
        best = np.linalg.solve(products, known.T @ target).astype(np.float64)
        errors = target - known @ best
        freedom = max(len(target) - len(best), 1)
        if self.draws == 1:
            return best, float(np.sqrt(errors @ errors / freedom))
        deviation = float(np.sqrt(errors @ errors / random.chisquare(freedom)))
        root = np.linalg.cholesky(np.linalg.inv(products))
        return best + deviation * (root @ random.standard_normal(len(best))), deviation


AnyImputer = Annotated[Simple | Constant | Nearest | Iterative, Field(discriminator="kind")]
_IMPUTERS: TypeAdapter[Any] = TypeAdapter(AnyImputer)


def parse_imputer(declared: Any) -> Imputer | None:  # noqa: ANN401 - a name, or a mapping of options
    """Give the imputer that is declared by its name (`median`) or with options (`{kind: knn, neighbours: 10}`), None where none is.

    Raises:
        ConfigError: It is not known, or an option does not fit.
    """
    if declared is None:
        return None
    try:
        imputer: Imputer = _IMPUTERS.validate_python({"kind": declared} if isinstance(declared, str) else declared)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(
            "imputer", expected="mean, median, constant, knn or iterative, with its options", got=first["msg"], todo="For example {kind: knn, neighbours: 10}."
        ) from None
    return imputer


def _distances(rows: Doubles, donors: Doubles) -> Doubles:
    """Give the squared distance of each row from each donor `(n_rows, n_donors)`, infinite where they share no column.

    Values are rounded to a 4,096th of a deviation and cut at 64 of them: every product and sum is exact then, so that matrix products give the
    same whatever the batch and the number of threads.
    """
    (mine, has), (theirs, have) = _exact(rows), _exact(donors)
    total = (mine**2) @ have.T + has @ (theirs**2).T - 2 * (mine @ theirs.T)
    shared = has @ have.T
    distance: Doubles = np.where(shared > 0, total * rows.shape[1] / np.maximum(shared, 1), np.inf)
    return distance


def _exact(values: Doubles) -> tuple[Doubles, Doubles]:
    """Give values on the grid, 0 where missing, and 1 where they are there."""
    has = (~np.isnan(values)).astype(np.float64)
    return np.clip(np.round(np.nan_to_num(values, nan=0.0) * _GRID), -_FARTHEST * _GRID, _FARTHEST * _GRID) / _GRID, has
