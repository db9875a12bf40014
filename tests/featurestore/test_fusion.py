"""Early and late fusion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plait.errors import CohortError
from plait.featurestore.aligned import Ragged
from tiny_table import make_table

TABLE = make_table()
DENSE = TABLE.only(["labs", "image"])


def test_early_has_no_holes_and_a_mask_that_tells_a_true_zero_from_one() -> None:
    labs = DENSE["labs"]
    assert not isinstance(labs, Ragged)
    zeros = replace(DENSE, answers={"labs": replace(labs, values=np.where(labs.observed, np.float32(0), np.float32(np.nan)))})
    matrix, mask, names = zeros.early(indicators=True)
    assert matrix.dtype == np.float32
    assert not matrix[:, :4].any()
    assert np.array_equal(mask[:, :4], labs.observed)
    assert mask[:, 4:].all()
    assert np.array_equal(matrix[:, 4:8].astype(bool), labs.observed)
    assert names[4:] == (*(f"labs.f{n}|observed" for n in range(4)), "labs|observed")
    assert matrix[:, 8].tolist() == labs.present.tolist()


def test_columns_do_not_follow_from_rows() -> None:
    assert DENSE.take(np.arange(2)).early(indicators=True).names == DENSE.early(indicators=True).names


def test_what_is_not_finite_is_refused() -> None:
    labs = DENSE["labs"]
    assert not isinstance(labs, Ragged)
    with pytest.raises(CohortError, match="finite"):
        replace(DENSE, answers={"labs": replace(labs, values=np.where(labs.observed, np.float32(np.inf), labs.values))}).early()


def test_late_gives_who_has_a_view_and_leads_back() -> None:
    for view, part in TABLE.late().items():
        assert part.rows.tolist() == np.flatnonzero(TABLE[view].present).tolist()
        assert part.index.person_id.tolist() == TABLE.index.person_id[part.rows].tolist()
        spread = part.scatter(part.index.person_id)
        assert np.array_equal(spread[part.rows], TABLE.index.person_id[part.rows])
        assert np.isnan(spread).sum() == len(TABLE) - len(part.rows)
        assert part.scatter(np.full((len(part.rows), 2), 0.5), missing=0)[part.rows].tolist() == [[0.5, 0.5]] * len(part.rows)
        with pytest.raises(CohortError, match="one for each"):
            part.scatter(np.ones(len(part.rows) + 1))
    image = TABLE.late()["image"].matrix
    assert np.isfinite(image).all()
    with pytest.raises(CohortError, match="sequences"):
        _ = TABLE.late()["events"].matrix
