"""What is fitted comes from training rows alone, says what it filled, and is what scikit-learn makes of the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from plait.errors import ConfigError, NotFittedError
from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.fitting import Fitted
from plait.featurestore.imputers import Imputed
from plait.featurestore.index import as_index
from plait.featurestore.view import ViewOptions
from plait.schema.reasons import Reason
from tiny_table import MISSING, aligned, make_table

if TYPE_CHECKING:
    from pathlib import Path

    from plait.featurestore.table import FusionTable

TABLE = make_table()
TRAIN, TEST = TABLE.split("patient", test=0.3, seed=1)
IMPUTERS: tuple[Any, ...] = (
    "mean",
    "median",
    {"kind": "constant", "value": 1},
    {"kind": "knn", "neighbours": 3},
    "iterative",
    {"kind": "iterative", "draws": 3, "rounds": 2},
)
RECIPES = {"labs": ["zscore", "rank"], "image": ["zscore", {"kind": "pca", "dim": 2}]}


def values_of(table: FusionTable, view: str) -> Aligned:
    answer = table[view]
    assert isinstance(answer, Aligned)
    return answer


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_what_is_filled_is_never_observed_and_the_reason_stays(imputer: object) -> None:
    fitted = TRAIN.fit(imputer, recipes={"labs": "zscore"})
    made = TEST.apply(fitted)
    for view in ("labs", "image"):
        before, after = values_of(TEST, view), values_of(made, view)
        assert np.array_equal(after.observed, before.observed)
        assert np.array_equal(after.reason, before.reason)
        assert not (after.filled & after.observed).any()
        assert np.array_equal(after.present, before.present)
        unseen = np.asarray([f"{view}.{name}" in fitted.all_missing for name in after.names])
        can_be = ~before.observed & (before.reason != Reason.NOT_APPLICABLE)
        assert np.array_equal(after.filled, can_be if imputer == IMPUTERS[2] else can_be & ~unseen)
        assert np.array_equal(np.isnan(after.values), ~(after.filled | after.observed))
    assert fitted.all_missing == ("labs.f3",)


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_a_row_alone_gets_the_numbers_of_the_batch(imputer: object) -> None:
    fitted = TRAIN.fit(imputer, recipes=RECIPES)
    batch = TEST.apply(fitted)
    for row in range(len(TEST)):
        alone = TEST.take(np.asarray([row])).apply(fitted)
        for view in ("labs", "image"):
            assert values_of(alone, view).values.tobytes() == values_of(batch, view).values[[row]].tobytes()


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_test_rows_and_rows_of_the_same_person_teach_nothing(imputer: object) -> None:
    """Poison: whatever stands in test rows changes nothing learnt, and another row of the person nothing filled."""
    poisoned = {}
    for view in ("labs", "image"):
        answer = values_of(TABLE, view)
        is_test = np.isin(TABLE.index.person_id, TEST.index.person_id)
        poisoned[view] = replace(answer, values=np.where(is_test[:, None] & answer.observed, np.float32(1e6), answer.values), reason=answer.spread_reason)
    assert TRAIN.part is not None
    other_train, _ = replace(TABLE, answers={**TABLE.answers, **poisoned}).split(TRAIN.part.split)
    fitted = TRAIN.fit(imputer)
    assert other_train.fit(imputer).digest == fitted.digest
    later = TRAIN.take(np.arange(1, len(TRAIN), 2))
    changed = {view: replace(values_of(TRAIN, view), values=values_of(TRAIN, view).values.copy()) for view in ("labs", "image")}
    for answer in changed.values():
        answer.values[1::2][answer.observed[1::2]] = 77  # what the same persons had later
    assert (later.index.person_id == TRAIN.index.person_id[::2]).all()
    first = np.arange(0, len(TRAIN), 2)
    as_it_was = TRAIN.apply(fitted).take(first)
    as_poisoned = replace(TRAIN, answers={**TRAIN.answers, **changed}).apply(fitted).take(first)
    for view in changed:
        assert np.array_equal(values_of(as_it_was, view).values, values_of(as_poisoned, view).values, equal_nan=True)


def test_neighbours_are_never_rows_of_the_same_person() -> None:
    """Every training row has a twin of its own person who is as near as can be, with a number that nobody else has."""
    values = np.asarray([[1, np.nan], [1, 500], [2, 10], [2, np.nan], [3, 20], [3, np.nan]], np.float32)
    index = as_index({"person_id": [1, 1, 2, 2, 3, 3], "prediction_time": np.full(6, "2020-01-01", "datetime64[us]")})
    whole = replace(TRAIN, index=index, answers={"v": aligned("v", values, np.where(np.isnan(values), 255, 0))})
    made = values_of(whole.apply(whole.fit({"kind": "knn", "neighbours": 1})), "v")
    assert made.values[0, 1] == pytest.approx(10)
    assert made.values[3, 1] == pytest.approx(500)


def test_more_neighbours_than_there_are_rows_are_all_of_them() -> None:
    values = np.asarray([[1, np.nan], [2, 10], [3, 20]], np.float32)
    index = as_index({"person_id": [1, 2, 3], "prediction_time": np.full(3, "2020-01-01", "datetime64[us]")})
    whole = replace(TRAIN, index=index, answers={"v": aligned("v", values, np.where(np.isnan(values), 255, 0))})
    made = values_of(whole.apply(whole.fit({"kind": "knn", "neighbours": 10**12})), "v")
    assert made.values[0, 1] == pytest.approx(15)


def test_fitting_elsewhere_than_on_training_rows_is_refused() -> None:
    for table in (TABLE, TEST):
        with pytest.raises(NotFittedError, match="training part"):
            table.fit("mean")
    fitted = TRAIN.fit("mean")
    with pytest.raises(NotFittedError, match="as the query gave them"):
        TEST.apply(fitted).apply(fitted)
    with pytest.raises(NotFittedError, match="as the query gave them"):
        TRAIN.apply(fitted).fit("mean")


def test_applying_what_was_not_fitted_is_refused() -> None:
    fitted = TRAIN.fit("mean", recipes=RECIPES)
    with pytest.raises(NotFittedError, match=r"train\.fit"):
        TEST.apply({"labs": "zscore"})  # type: ignore[arg-type]
    with pytest.raises(NotFittedError, match="one that was not"):
        TEST.apply(replace(fitted, states={}))
    with pytest.raises(NotFittedError, match="imputer"):
        TEST.apply(replace(fitted, states={key: state for key, state in fitted.states.items() if key[0]}))
    with pytest.raises(NotFittedError, match="view 'image'"):
        TEST.only(["labs"]).apply(fitted)
    with pytest.raises(NotFittedError, match="view 'labs'"):
        replace(TEST, answers={**TEST.answers, "labs": values_of(TEST, "labs").columns([0, 1])}).apply(fitted)


def test_recipes_are_those_that_the_view_declares() -> None:
    options = ViewOptions(recipe=["zscore", {"kind": "pca", "dim": 2}])
    declared = replace(TRAIN, lineage={"views": {"image": {"view": "image", "recipe": options.recipe}}})
    assert [step.kind for step in declared.fit().recipes["image"]] == ["zscore", "pca"]
    with pytest.raises(ConfigError, match="zscore, log1p, rank or pca"):
        ViewOptions(recipe={"kind": "umap"})
    with pytest.raises(ConfigError, match="knn or iterative"):
        TRAIN.fit("magic")


def test_a_version_follows_from_the_rows_the_options_and_what_was_learnt() -> None:
    fitted = TRAIN.fit("mean", recipes=RECIPES)
    assert TRAIN.fit("mean", recipes=RECIPES).digest == fitted.digest
    others = [TRAIN.take(np.arange(1, len(TRAIN))).fit("mean", recipes=RECIPES), TRAIN.fit("median", recipes=RECIPES), TRAIN.fit("mean")]
    assert len({fitted.digest, *(other.digest for other in others)}) == 4
    assert others[0].rows_sha256 != fitted.rows_sha256 == others[1].rows_sha256


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_what_was_fitted_is_saved_without_pickle(imputer: object, tmp_path: Path) -> None:
    fitted = TRAIN.fit(imputer, recipes=RECIPES)
    fitted.save(tmp_path)
    first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    read = Fitted.read(tmp_path)
    assert read.digest == fitted.digest
    assert values_of(TEST.apply(read), "labs").values.tobytes() == values_of(TEST.apply(fitted), "labs").values.tobytes()
    read.save(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == first
    (tmp_path / "fitted.json").write_text((tmp_path / "fitted.json").read_text().replace("zscore", "log1p", 1))
    with pytest.raises(NotFittedError, match="changed since"):
        Fitted.read(tmp_path)


def test_several_draws_differ_where_values_are_missing_and_nowhere_else() -> None:
    made = values_of(TEST.apply(TRAIN.fit({"kind": "iterative", "draws": 4})), "labs")
    assert isinstance(made, Imputed)
    assert made.draws is not None
    spread = made.draws.std(axis=0)
    assert (spread[made.filled] > 0).all()
    assert not spread[made.observed].any()
    assert np.allclose(made.values[made.filled], made.draws.mean(axis=0)[made.filled], atol=1e-5)
    assert np.array_equal(made.draw(5), made.draws[1], equal_nan=True)
    rows = np.asarray([3, 1])
    assert np.array_equal(made.take(rows).draw(2), made.draws[2][rows], equal_nan=True)
    assert np.array_equal(made.columns([1]).draw(2), made.draws[2][:, [1]], equal_nan=True)
    assert np.isnan(made.withhold(np.ones(len(made), np.bool_), Reason.DROPPED).draw(0)).all()


def test_regression_finds_what_the_mean_does_not() -> None:
    """The first two features follow from one number: where one is there, the other is nearly known."""
    random = np.random.default_rng(5)
    truth = values_of(make_table(seed=0, persons=200), "labs")
    hidden = random.random(len(truth)) < 0.5
    latent = np.where(truth.observed[:, [0, 1]].all(axis=1))[0]
    chosen = latent[hidden[latent]]
    reason = truth.reason.copy()
    reason[chosen, 0] = Reason.UNKNOWN
    table = replace(make_table(persons=200), answers={"labs": aligned("labs", truth.values, reason)})
    train, _ = table.split("patient")
    errors = {}
    for imputer in ("mean", "knn", "iterative"):
        made = values_of(table.apply(train.fit(imputer)), "labs")
        errors[imputer] = float(np.sqrt(np.mean((made.values[chosen, 0] - truth.values[chosen, 0]) ** 2)))
    assert errors["iterative"] < 0.5 * errors["mean"]
    assert errors["knn"] < 0.9 * errors["mean"]


def test_steps_are_those_of_scikit_learn() -> None:
    observed = values_of(TABLE, "image").present
    image = values_of(TABLE, "image").values[observed]
    answer = aligned("image", image, np.zeros((len(image), 1), np.uint8))
    whole = replace(TRAIN, index=TABLE.index.take(np.flatnonzero(observed)), answers={"image": answer})

    def made(recipe: object) -> np.ndarray:
        return values_of(whole.apply(whole.fit(recipes={"image": recipe})), "image").values

    assert np.allclose(made("zscore"), StandardScaler().fit_transform(image), atol=1e-5)
    assert np.allclose(made("rank"), QuantileTransformer(n_quantiles=1_001 if len(image) > 1_000 else len(image)).fit_transform(image), atol=0.02)
    theirs = PCA(3, svd_solver="full").fit(image)
    ours = made({"kind": "pca", "dim": 3})
    assert np.allclose(np.abs(ours), np.abs(theirs.transform(image)), atol=1e-5)
    fitted = whole.fit(recipes={"image": {"kind": "pca", "dim": 3}})
    assert np.allclose(fitted.states["image", 0]["share"], theirs.explained_variance_ratio_)
    said = whole.apply(fitted).explain("image.pc1")
    assert said["share_of_variance"] == pytest.approx(theirs.explained_variance_ratio_[0])
    assert said["loadings"][next(iter(said["loadings"]))] == pytest.approx(np.abs(theirs.components_[0]).max())


def test_imputers_are_those_of_scikit_learn() -> None:
    table = replace(TRAIN.take(np.arange(0, len(TRAIN), 2)), answers={"labs": values_of(TRAIN, "labs").take(np.arange(0, len(TRAIN), 2)).columns([0, 1, 2])})
    labs = values_of(table, "labs")
    held = np.where(labs.observed, labs.values, np.nan)
    filled = {kind: table.apply(table.fit(kind)) for kind in ("mean", "median", "knn")}
    for kind in ("mean", "median"):
        ours = values_of(filled[kind], "labs")
        assert np.allclose(ours.values[ours.filled], SimpleImputer(strategy=kind).fit_transform(held)[ours.filled], atol=1e-5)
    scaler = StandardScaler().fit(held)
    ours = values_of(filled["knn"], "labs")
    theirs = scaler.inverse_transform(KNNImputer(n_neighbors=5).fit_transform(scaler.transform(held)))
    alike = ours.filled & labs.observed.any(axis=1)[:, None]  # a row without any value gets the mean from both, by another way
    assert np.allclose(ours.values[alike], theirs[alike], atol=1e-4)


def test_components_of_a_partly_missing_row_follow_the_declared_rule() -> None:
    values = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    reason = np.zeros((60, 4), np.uint8)
    reason[0, 0] = reason[1, :2] = Reason.WITHHELD
    reason[1, 2] = Reason.UNKNOWN
    whole = replace(TRAIN, index=TABLE.index.take(np.arange(60)), answers={"v": aligned("v", values, reason)})
    fitted = whole.fit("mean", recipes={"v": {"kind": "pca", "dim": 2, "min_fraction": 0.7}})
    made = values_of(whole.apply(fitted), "v")
    assert made.names == ("pc1", "pc2")
    assert made.observed[0].all()
    assert (made.reason[1] == Reason.WITHHELD).all()
    assert made.filled[1].all()
    at_mean = values.copy()
    at_mean[0, 0] = fitted.states["v", 0]["mean"][0]
    complete = replace(whole, answers={"v": aligned("v", at_mean, np.where(reason == 0, reason, np.where(np.arange(60)[:, None] == 0, 0, reason)))})
    assert np.allclose(values_of(complete.apply(fitted), "v").values[0], made.values[0], atol=1e-6)
    with pytest.raises(NotFittedError, match="Lower dim"):
        whole.fit(recipes={"v": {"kind": "pca", "dim": 5}})


def test_log1p_of_what_has_none_is_refused() -> None:
    with pytest.raises(NotFittedError, match=r"log1p.*above -1"):
        replace(TRAIN, answers={"v": aligned("v", np.full((len(TRAIN), 1), -2, np.float32), np.zeros((len(TRAIN), 1)))}).fit(recipes={"v": "log1p"})


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_observed_means_reason_0_and_excludes_filled_whatever_is_missing(data: st.DataObject) -> None:
    n, d = data.draw(st.integers(6, 14)), data.draw(st.integers(1, 4))
    reason = np.asarray(data.draw(st.lists(st.sampled_from([0, 0, *map(int, MISSING)]), min_size=n * d, max_size=n * d)), np.uint8).reshape(n, d)
    values = np.asarray(data.draw(st.lists(st.integers(-3, 3), min_size=n * d, max_size=n * d)), np.float32).reshape(n, d)
    table = replace(TRAIN, index=TABLE.index.take(np.arange(n)), answers={"v": aligned("v", values, reason)})
    imputer = data.draw(st.sampled_from(IMPUTERS))
    recipe = data.draw(st.sampled_from([None, "zscore", "rank", ["zscore", "rank"]]))
    made = table.apply(table.fit(imputer, recipes={"v": recipe}))
    answer = values_of(made, "v")
    assert np.array_equal(answer.observed, answer.reason == Reason.OBSERVED)
    assert not (answer.observed & answer.filled).any()
    assert np.array_equal(answer.observed, reason == 0)
    assert np.array_equal(~np.isnan(answer.values), answer.observed | answer.filled)
    early = made.early()
    assert np.isfinite(early.matrix).all()
    assert np.array_equal(early.mask, reason == 0)


def test_sequences_pass_through() -> None:
    made = TEST.apply(TRAIN.fit("mean"))
    assert isinstance(made["events"], Ragged)
    assert made["events"] is TEST["events"]
