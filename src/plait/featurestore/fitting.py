"""Fitting: the views' recipes and an imputer, learnt on training rows only and known by the hash of those rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from plait.errors import CohortError, NotFittedError, in_words
from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.imputers import Cells, Imputed, Imputer, parse_imputer
from plait.featurestore.outputs import answer_of
from plait.featurestore.recipes import Step, parse_recipe
from plait.featurestore.splits import TRAIN
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from plait.featurestore.recipes import State
    from plait.featurestore.table import FusionTable

TableT = TypeVar("TableT", bound="FusionTable")

FITTED_FILE, ARRAYS_FILE = "fitted.json", "fitted.npz"
"""Files of what was fitted: what it is, and its numbers."""

_FORMAT = 1
_STRONGEST = 10


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was learnt from training rows, ready to be applied to any rows of the same views.

    Attributes:
        recipes: Steps of each view's recipe.
        imputer: What fills what is missing, None where nothing does.
        names: Features that went into each view's recipe, by view.
        states: What each step has learnt, by view and place; the imputer's by `""` and 0.
        rows_sha256: Hash over the training rows and the split that they are of.
        all_missing: Columns (`VIEW.FEATURE`) that were never observed in the training rows: kept, and filled by nothing but a constant.
        persons: The persons of the training rows, ascending: who learns from nobody else can be seen to; None of what was saved before plait kept them.
        forgotten: How many further persons of the training rows were forgotten since: what was learnt of them is still in the numbers.
    """

    recipes: Mapping[str, tuple[Step, ...]]
    imputer: Imputer | None
    names: Mapping[str, tuple[str, ...]]
    states: Mapping[tuple[str, int], State]
    rows_sha256: str
    all_missing: tuple[str, ...]
    persons: tuple[int, ...] | None = None
    forgotten: int = 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the recipes, the imputer, the training rows and every number learnt: the version of what was fitted."""
        total = hashlib.sha256(json.dumps(self._content(), sort_keys=True).encode())
        for name, array in sorted(self._arrays().items()):
            total.update(f"{name} {array.dtype.str} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()

    def makes(self, view: str) -> bool:
        """Say whether a view's features are made by the recipe, so that they are not those of the query."""
        return any(step.kind == "pca" for step in self.recipes.get(view, ()))

    def explain(self, view: str, feature: str) -> dict[str, Any]:
        """Give what a principal component stands for: the recipe, its share of the variance, and the features that weigh most.

        Raises:
            CohortError: The view has no such component.
        """
        steps = self.recipes[view]
        place = next(place for place, step in enumerate(steps) if step.kind == "pca")
        components = self.states[view, place]["components"]
        number = int(feature.removeprefix("pc")) - 1 if feature.removeprefix("pc").isdecimal() else -1
        if not (0 <= number < len(components)):
            raise CohortError(f"view '{view}'", expected=f"pc1 to pc{len(components)}", got=f"'{feature}'", todo="They are numbered from 1.")
        strongest = np.argsort(-np.abs(components[number]), kind="stable")[:_STRONGEST]
        loadings = {self.names[view][at]: float(components[number][at]) for at in strongest if components[number][at]}
        share = float(self.states[view, place]["share"][number])
        recipe = [step.model_dump() for step in steps]
        return {"view": view, "feature": feature, "recipe": recipe, "share_of_variance": share, "loadings": loadings, "fitted": self.digest}

    def save(self, folder: str | Path) -> None:
        """Write what was fitted into a folder: JSON and arrays, without pickle; the same content gives the same bytes."""
        into = Path(folder)
        into.mkdir(parents=True, exist_ok=True)
        with (into / ARRAYS_FILE).open("wb") as file:
            np.savez(file, allow_pickle=False, **{name: np.ascontiguousarray(array) for name, array in sorted(self._arrays().items())})
        (into / FITTED_FILE).write_text(json.dumps({"format": _FORMAT, **self._content(), "sha256": self.digest}, sort_keys=True, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read what was saved.

        Raises:
            NotFittedError: It is not what was saved.
        """
        where = Path(folder)
        try:
            content = json.loads((where / FITTED_FILE).read_text(encoding="utf-8"))
            with np.load(where / ARRAYS_FILE, allow_pickle=False) as arrays:
                states: dict[tuple[str, int], State] = {}
                for name in arrays.files:
                    view, place, part = name.split("/")
                    states.setdefault((view, int(place)), {})[part] = arrays[name]
            recipes = {view: parse_recipe(steps, view) for view, steps in content["recipes"].items()}
            names = {view: tuple(features) for view, features in content["names"].items()}
            persons = tuple(content["persons"]) if "persons" in content else None
            learnt = (content["rows_sha256"], tuple(content["all_missing"]), persons, int(content.get("forgotten", 0)))
            fitted = cls(recipes, parse_imputer(content["imputer"]), names, states, *learnt)
            said = content["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotFittedError(where, expected="what Fitted.save wrote", got=in_words(error), todo="Fit again: train.fit().") from None
        if fitted.digest != said:
            raise NotFittedError(where, expected="what was fitted", got="something that was changed since", todo="Fit again: train.fit().")
        return fitted

    def _content(self) -> dict[str, Any]:
        return {
            "recipes": {view: [step.model_dump() for step in steps] for view, steps in self.recipes.items()},
            "imputer": None if self.imputer is None else self.imputer.model_dump(),
            "names": {view: list(features) for view, features in self.names.items()},
            "rows_sha256": self.rows_sha256,
            "all_missing": list(self.all_missing),
            **({} if self.persons is None else {"persons": list(self.persons)}),
            **({"forgotten": self.forgotten} if self.forgotten else {}),
        }

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {f"{view}/{place}/{part}": array for (view, place), state in self.states.items() for part, array in state.items()}


def fit(table: FusionTable, imputer: Any = None, *, recipes: Mapping[str, Any] | None = None) -> Fitted:  # noqa: ANN401 - see parse_imputer
    """Learn the recipes of a table's views, and an imputer of what they make, from training rows.

    Args:
        table: The training part of a split.
        imputer: `mean`, `median`, `constant`, `knn` or `iterative`, or a mapping with its options; nothing is filled if None.
        recipes: Recipes by view in place of those that `plait.yaml` declares.

    Raises:
        NotFittedError: The rows are not the training part of a split, or were fitted already, or are too few.
        ConfigError: A recipe or an imputer that is not known.
    """
    if table.part is None or table.part.name != TRAIN:
        got = "a table that was not split" if table.part is None else f"its part '{table.part.name}'"
        raise NotFittedError("fit", expected="the training part of a split", got=got, todo="Split first: train, test = table.split('patient').")
    _check_fresh(table)
    parsed = parse_imputer(imputer)
    views = {name: answer_of(answer) for name, answer in table.answers.items() if not isinstance(answer, Ragged)}
    names = {name: answer.names for name, answer in views.items()}
    given = recipes or {}
    steps = {name: parse_recipe(given.get(name, table.described(name).get("recipe")), name) for name in views}
    states: dict[tuple[str, int], State] = {}
    for name, answer in views.items():
        made = answer
        for place, step in enumerate(steps[name]):
            states[name, place] = step.learn(made)
            made = step.apply(made, states[name, place])
        views[name] = made
    cells = _cells(table, views)
    if parsed is not None:
        states["", 0] = parsed.learn(cells)
    columns = [f"{name}.{feature}" for name, answer in views.items() for feature in answer.names]
    unseen = tuple(column for column, seen in zip(columns, np.any(cells.observed, axis=0), strict=True) if not seen)
    return Fitted(steps, parsed, names, states, _hash_of(table), unseen, tuple(np.unique(table.index.person_id).tolist()))


def apply(table: TableT, fitted: Fitted) -> TableT:
    """Give a table with its views as the recipes make them and, where there is an imputer, with what is missing filled.

    Raises:
        NotFittedError: Nothing was fitted, it was fitted on other views or features, or the table has been through it.
    """
    if not isinstance(fitted, Fitted):
        raise NotFittedError("apply", expected="what train.fit() gives", got=type(fitted).__name__, todo="Fit first: fitted = train.fit().")
    _check_fresh(table)
    views = {name: answer_of(answer) for name, answer in table.answers.items() if not isinstance(answer, Ragged)}
    for name in {**fitted.names, **views}:
        if name not in views or name not in fitted.names or fitted.names[name] != views[name].names:
            raise NotFittedError(f"view '{name}'", expected="the views and features that were fitted", got="others", todo="Fit on a part of the same table.")
    for name, steps in fitted.recipes.items():
        for place, step in enumerate(steps):
            if step.learns and (name, place) not in fitted.states:
                raise NotFittedError(f"view '{name}', recipe", expected="a recipe that was fitted", got="one that was not", todo="Fit it: train.fit().")
            views[name] = step.apply(views[name], fitted.states.get((name, place), {}))
    if fitted.imputer is not None:
        views = _filled(table, views, fitted)
    return replace(table, answers={name: views.get(name, answer) for name, answer in table.answers.items()}, fitted=fitted)


def _check_fresh(table: FusionTable) -> None:
    """Fail where the values are no longer those of the query."""
    if table.fitted is not None:
        raise NotFittedError("table", expected="values as the query gave them", got="values that were fitted", todo="Start from the table before apply().")


def _cells(table: FusionTable, views: Mapping[str, Aligned]) -> Cells:
    """Give dense views side by side."""
    values = [np.zeros((len(table), 0), np.float32), *(answer.values for answer in views.values())]
    observed = [np.zeros((len(table), 0), np.bool_), *(answer.observed for answer in views.values())]
    return Cells(np.concatenate(values, axis=1), np.concatenate(observed, axis=1), table.index.person_id, table.index.at)


def _filled(table: FusionTable, views: Mapping[str, Aligned], fitted: Fitted) -> dict[str, Aligned]:
    """Give the views with what is missing filled."""
    imputer = fitted.imputer
    assert imputer is not None  # noqa: S101 - for the type checker: who calls has looked
    cells = _cells(table, views)
    if imputer.learns and ("", 0) not in fitted.states:
        raise NotFittedError("imputer", expected="an imputer that was fitted", got="one that was not", todo="Fit it: train.fit().")
    draws = imputer.fill(cells, fitted.states.get(("", 0), {}))
    unseen = set() if imputer.fills_unseen else set(fitted.all_missing)
    filled: dict[str, Aligned] = {}
    first = 0
    for name, answer in views.items():
        made = draws[:, :, first : first + len(answer.names)]
        first += len(answer.names)
        can_be = np.asarray([f"{name}.{feature}" not in unseen for feature in answer.names], np.bool_)
        is_filled = ~answer.observed & (answer.reason != Reason.NOT_APPLICABLE) & can_be
        drawn = np.where(is_filled, made, answer.values).astype(np.float32)
        parts = {part: getattr(answer, part) for part in ("view", "names", "age_days", "n_obs", "presence", "kinds")}
        values = drawn[0] if len(drawn) == 1 else np.where(is_filled, drawn.mean(axis=0, dtype=np.float64), answer.values).astype(np.float32)
        filled[name] = Imputed(values=values, reason=answer.spread_reason, filled=is_filled, draws=drawn if len(drawn) > 1 else None, **parts)
    return filled


def _hash_of(table: FusionTable) -> str:
    """Give the hash of training rows: whose and when they are, what was observed in them, and the split."""
    total = hashlib.sha256()
    assert table.part is not None  # noqa: S101 - for the type checker: who calls has looked
    total.update(table.part.split.digest.encode())
    total.update(table.index.person_id.tobytes())
    total.update(table.index.at.tobytes())
    for name, answer in table.answers.items():
        if not isinstance(answer, Ragged):
            total.update(name.encode())
            total.update(np.ascontiguousarray(answer.values).tobytes())
            total.update(np.ascontiguousarray(answer.reason).tobytes())
    return total.hexdigest()
