"""Small tables of the feature store, made without a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.index import as_index
from plait.featurestore.table import FusionTable
from plait.featurestore.view import Question
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    import numpy.typing as npt

MISSING = (Reason.UNKNOWN, Reason.NOT_CAPTURED, Reason.OUT_OF_WINDOW, Reason.WITHHELD, Reason.NOT_APPLICABLE)


def make_table(persons: int = 40, rows_each: int = 2, seed: int = 0, **lineage: Any) -> FusionTable:  # noqa: ANN401 - whatever a lineage holds
    """Give a table with a view of laboratory values full of holes, one of images that not everybody has, and one of sequences.

    The last feature of `labs` was never observed; the first two and `image` follow from one latent number of each row.
    """
    random = np.random.default_rng(seed)
    n = persons * rows_each
    person = np.repeat(np.arange(1, persons + 1), rows_each)
    latent = random.standard_normal(n)
    index = as_index(
        pl.DataFrame(
            {
                "person_id": person,
                "prediction_time": np.datetime64("2020-01-01", "us") + np.arange(n) * np.timedelta64(7, "D"),
                "site": [f"site-{one % 5}" for one in person],
                "died": (latent > 0).astype(int),
                "days": np.exp(4 - latent).astype(np.float32),
            }
        )
    )
    labs = np.column_stack([latent + 0.3 * random.standard_normal(n), 10 + 2 * latent, random.poisson(3, n), np.zeros(n)]).astype(np.float32)
    missing = random.random(labs.shape) < 0.3
    missing[:, 3] = True
    image = np.column_stack([latent, -latent, random.standard_normal(n), latent**2, random.standard_normal(n)]).astype(np.float32)
    answers = {
        "labs": aligned("labs", labs, np.where(missing, random.choice(np.asarray(MISSING, np.uint8), labs.shape), 0)),
        "image": aligned("image", image, np.where(random.random(n) < 0.4, np.uint8(Reason.NOT_ENCODED), np.uint8(0))[:, None]),
        "events": sequences(n, random),
    }
    return FusionTable(index, answers, {}, Question(), 3, lineage)


def aligned(view: str, values: npt.NDArray[np.float32], reason: npt.NDArray[Any]) -> Aligned:
    """Give an answer with these values where nothing is missing."""
    there = reason == 0
    return Aligned(
        view,
        tuple(f"f{place}" for place in range(values.shape[1])),
        np.where(there, values, np.float32(np.nan)),
        reason.astype(np.uint8),
        np.where(there, np.float32(2.5), np.float32(np.nan)).astype(np.float32),
        there.astype(np.int32),
    )


def sequences(n: int, random: np.random.Generator) -> Ragged:
    """Give up to four events of each of n rows; the first row has none."""
    lengths = random.integers(0, 5, n)
    lengths[0] = 0
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    total = int(starts[-1])
    values = np.where(random.random(total) < 0.5, np.nan, random.standard_normal(total)).astype(np.float32)
    ages = np.concatenate([np.sort(random.integers(0, 100, one))[::-1] for one in lengths]).astype(np.float32)
    codes = random.integers(0, 3, total).astype(np.int32)
    reason = np.where(lengths > 0, Reason.OBSERVED, Reason.UNKNOWN).astype(np.uint8)
    return Ragged("events", starts, codes, values, ages, ("31967", "320128", "SNOMED//x"), reason)
