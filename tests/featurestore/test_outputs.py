"""A table in other libraries' forms says the same everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import mudata
import numpy as np
import polars as pl
import pytest

from plait.errors import CohortError
from plait.featurestore.aligned import Ragged
from plait.featurestore.sparse import Sparse
from plait.schema.reasons import Reason
from tiny_table import make_table

if TYPE_CHECKING:
    from pathlib import Path

TABLE = make_table()
DENSE = TABLE.only(["labs", "image"])


def test_a_null_in_polars_is_a_missing_value_and_its_reason_stands_beside_it() -> None:
    frame = TABLE.to_polars()
    assert frame.select(TABLE.index.frame.columns).equals(TABLE.index.frame)
    for view in ("labs", "image"):
        answer = TABLE[view]
        assert not isinstance(answer, Ragged)
        for place, feature in enumerate(answer.names):
            column = frame[f"{view}.{feature}"]
            assert column.is_not_null().to_list() == answer.observed[:, place].tolist()
            assert column.drop_nulls().to_list() == answer.values[answer.observed[:, place], place].tolist()
            assert frame[f"{view}.{feature}|reason"].cast(pl.String).to_list() == [Reason(code).name for code in answer.reason[:, place]]
    assert TABLE.to_polars(reasons=False).columns == [name for name in frame.columns if not name.endswith("|reason")]
    assert TABLE.to_arrow().column_names == frame.columns


def test_sequences_are_lists_in_polars() -> None:
    answer = TABLE["events"]
    assert isinstance(answer, Ragged)
    lists = TABLE.to_polars()["events.code"].to_list()
    assert [len(one or ()) for one in lists] == np.diff(answer.starts).tolist()
    assert [code for one in lists for code in one or ()] == [answer.vocabulary[code] for code in answer.codes]


def test_sequences_have_no_columns_in_a_matrix() -> None:
    for make in (TABLE.to_numpy, TABLE.to_csr, TABLE.early):
        with pytest.raises(CohortError, match=r"view 'events'.*only"):
            make()


def test_an_index_column_may_not_be_called_like_a_feature() -> None:
    index = replace(TABLE.index, frame=TABLE.index.frame.rename({"site": "labs.f0"}))
    with pytest.raises(CohortError, match=r"labs\.f0"):
        replace(TABLE, index=index).to_polars()


def test_numpy_and_csr_agree_and_a_stored_zero_is_an_observed_one() -> None:
    labs = replace(TABLE["labs"], values=np.where(TABLE["labs"].observed, np.float32(0), np.float32(np.nan)))  # type: ignore[union-attr]
    table = replace(DENSE, answers={**DENSE.answers, "labs": labs})
    values, observed, names = table.to_numpy()
    sparse, columns = table.to_csr()
    assert names == columns == tuple(f"labs.f{n}" for n in range(4)) + tuple(f"image.f{n}" for n in range(5))
    assert sparse.nnz == observed.sum() == (~np.isnan(values)).sum()
    assert np.array_equal(sparse.toarray(), np.nan_to_num(values))


def test_a_sparse_view_is_spread_with_its_zeros() -> None:
    sparse = Sparse(
        "codes",
        ("a", "b"),
        np.asarray([0, 1, 1]),
        np.asarray([1]),
        np.ones(1, np.float32),
        np.zeros(1, np.uint8),
        np.ones(1, np.float32),
        np.ones(1, np.int32),
        np.asarray([[0], [1]], np.uint8),
        np.zeros(2, np.int64),
    )
    table = replace(TABLE.take(np.arange(2)), answers={"codes": sparse})
    assert table.to_polars()["codes.a"].to_list() == [0.0, None]
    assert table.early().matrix.tolist() == [[0, 1], [0, 0]]
    assert table.early().mask.tolist() == [[True, True], [False, False]]
    assert table.to_csr()[0].toarray().tolist() == [[0, 1], [0, 0]]


def test_mudata_has_an_anndata_for_every_view_and_survives_a_file(tmp_path: Path) -> None:
    made = TABLE.to_mudata()
    with mudata.set_options(pull_on_update=False):
        made.write(tmp_path / "t.h5mu")
        joint = mudata.read_h5mu(tmp_path / "t.h5mu")
    assert list(joint.mod) == list(TABLE.views)
    assert joint.obs["person_id"].tolist() == TABLE.index.person_id.tolist()
    assert not joint.obsp.keys()
    for view, held in joint.mod.items():
        answer = TABLE[view]
        assert held.obs_names.equals(joint.obs_names)
        assert held.obs["present"].tolist() == answer.present.tolist()
        assert json.loads(held.uns["plait"])["view"] == view
        if isinstance(answer, Ragged):
            assert held.X.toarray().sum(axis=1).tolist() == np.diff(answer.starts).tolist()
        else:
            assert np.array_equal(held.X, answer.values, equal_nan=True)
            for layer in ("observed", "filled", "reason", "age_days"):
                assert np.array_equal(held.layers[layer], getattr(answer, layer), equal_nan=layer == "age_days")
            assert held.var["feature"].tolist() == list(answer.names)
