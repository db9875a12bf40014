"""Answers of views: what is stored sparsely is what is stored densely, and a reason stands beside every hole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.featurestore.aligned import Aligned, Presence, Ragged
from plait.featurestore.sparse import Sparse
from plait.schema.reasons import PRIORITY, Reason

CODES = [Reason.OBSERVED, Reason.NOT_CAPTURED, Reason.UNPARSED, Reason.UNKNOWN]


@st.composite
def sparse_answers(draw: st.DrawFn) -> Sparse:
    rows, features, groups = draw(st.integers(0, 5)), draw(st.integers(0, 6)), draw(st.integers(1, 3))
    cells = sorted(draw(st.sets(st.tuples(st.integers(0, max(rows - 1, 0)), st.integers(0, max(features - 1, 0))), max_size=12))) if rows and features else []
    codes = np.asarray([draw(st.sampled_from(CODES)) for _ in cells], np.uint8)
    values = np.where(codes == 0, np.arange(len(cells)) % 3, np.nan).astype(np.float32)
    row = np.asarray([r for r, _ in cells], np.int64)
    return Sparse(
        "v",
        tuple(f"f{n}" for n in range(features)),
        np.searchsorted(row, np.arange(rows + 1)),
        np.asarray([f for _, f in cells], np.int64),
        values,
        codes,
        np.arange(len(cells), dtype=np.float32),
        np.ones(len(cells), np.int32),
        np.asarray([[draw(st.sampled_from(CODES)) for _ in range(groups)] for _ in range(rows)], np.uint8).reshape(rows, groups),
        np.asarray([draw(st.integers(0, groups - 1)) for _ in range(features)], np.int64),
        draw(st.sampled_from([Presence(), Presence("all"), Presence("min_fraction", 0.5)])),
    )


def _same(one: Aligned | Sparse, other: Aligned) -> None:
    for name in ("values", "reason", "observed", "filled", "age_days", "n_obs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.names, one.kinds) == (other.names, other.kinds)


@given(sparse_answers(), st.data())
def test_a_sparse_answer_is_its_dense_one(answer: Sparse, data: st.DataObject) -> None:
    dense = answer.dense
    assert (dense.observed == (dense.reason == Reason.OBSERVED)).all()
    assert (np.isnan(dense.values) == ~dense.observed).all()
    np.testing.assert_array_equal(answer.present, dense.present)
    rows = np.asarray(data.draw(st.lists(st.integers(0, max(len(answer) - 1, 0)), max_size=4 if len(answer) else 0)), np.int64)
    _same(answer.take(rows), dense.take(rows))
    features = data.draw(st.lists(st.integers(0, max(len(answer.names) - 1, 0)), max_size=4 if answer.names else 0, unique=True))
    _same(answer.columns(features), dense.columns(features))
    withheld = np.asarray([data.draw(st.booleans()) for _ in range(len(answer))], np.bool_)
    _same(answer.withhold(withheld, Reason.WITHHELD), dense.withhold(withheld, Reason.WITHHELD))
    stored = answer.to_csr().toarray() if answer.names else dense.values
    np.testing.assert_array_equal(np.where(dense.observed, stored, np.nan), dense.values)


def test_a_row_gives_the_first_of_its_reasons() -> None:
    codes = np.asarray([[255, 1, 8], [1, 255, 0], [7, 4, 1], [0, 0, 0]], np.uint8)
    values = np.where(codes == 0, np.float32(0), np.float32(np.nan))
    nothing = np.zeros((4, 1))
    one = Aligned("v", ("a", "b", "c"), values, codes, nothing.astype(np.float32), nothing.astype(np.int32), presence=Presence("all"))
    assert one.row_reason.tolist() == [Reason.OUT_OF_WINDOW, Reason.NOT_CAPTURED, Reason.WITHHELD, Reason.OBSERVED]
    assert one.present.tolist() == [False, False, False, True]


def test_every_reason_for_a_hole_has_its_place_in_the_order() -> None:
    assert sorted([*PRIORITY, Reason.OBSERVED]) == sorted(Reason)


@pytest.mark.parametrize(("rule", "expected"), [(Presence(), [True, True]), (Presence("all"), [False, True]), (Presence("min_fraction", 0.6), [False, True])])
def test_presence_follows_its_rule(rule: Presence, expected: list[bool]) -> None:
    assert rule.of(np.asarray([[True, False], [True, True]])).tolist() == expected


def test_sequences_are_padded_at_their_end_and_cut_at_their_beginning() -> None:
    answer = Ragged(
        "events",
        np.asarray([0, 3, 3, 4]),
        np.asarray([1, 2, 3, 4], np.int32),
        np.asarray([0.5, np.nan, 2, 3], np.float32),
        np.asarray([10, 4, 0, 7], np.float32),
        ("a", "b", "c", "d", "e"),
        np.asarray([0, 255, 0], np.uint8),
    )
    codes, values, gaps, valid = answer.padded()
    assert codes.tolist() == [[1, 2, 3], [-1, -1, -1], [4, -1, -1]]
    assert gaps.tolist() == [[0, 6, 4], [0, 0, 0], [0, 0, 0]]
    assert valid.sum(axis=1).tolist() == [3, 0, 1]
    assert values[0, 2] == 2
    assert answer.padded(2)[0].tolist() == [[2, 3], [-1, -1], [4, -1]]
    taken = answer.take(np.asarray([2, 0, 0]))
    assert taken.codes.tolist() == [4, 1, 2, 3, 1, 2, 3]
    assert answer.withhold(np.asarray([True, False, False]), Reason.WITHHELD).codes.tolist() == [4]
