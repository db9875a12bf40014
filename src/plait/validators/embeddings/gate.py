"""The gate before an embedding table: what does not pass is quarantined, with a reason, and never served (DESIGN, section 7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from plait.duck import sql
from plait.errors import EncoderError
from plait.schema.embeddings import ENCODER_FILE, FEATURES_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import numpy.typing as npt
    import polars as pl

    from plait.schema.embeddings import Declaration

PASSED = 0
NO_EVENT_TIME = 2
OF_THE_ITEM = (
    "",
    "not a person of the CDM",
    "no time of its event",
    "more than a day before its person's birth",
    "more than a day after its person's death",
    "known before it happened",
)
"""What can be wrong with an item's person and times, in the order in which it is looked for; a later version of the study may mend it."""

NOT_FINITE = "not all numbers are finite"
WRONG_NORM = "a norm that this encoder cannot give"

_DAY_US = 86_400_000_000
_NULL = np.iinfo(np.int64).min
_EVER, _NEVER = -(1 << 62), 1 << 62
"""Before and after all lives."""

_SLACK = 1e-3
"""By which part a norm may be off its range: sums in float32 are."""


def check_items(con: duckdb.DuckDBPyConnection, items: pl.DataFrame, *, deaths: bool = True) -> npt.NDArray[np.uint8]:
    """Say of each row of an inventory what is wrong with its person or times: a place in `OF_THE_ITEM`, `PASSED` where nothing is `(n,)`.

    Without `deaths` nobody dies: what a query is told must not change when a death becomes known afterwards.

    A day's tolerance on both sides of a life, and days where known and event times are compared: many have a date only, and zones differ.
    """
    import polars as pl

    lives = con.execute(sql("plait.validators.embeddings", "lives")).fetchnumpy()
    persons = np.append(lives["person_id"], -1)
    born = np.append(np.ma.filled(lives["born"], _EVER - _DAY_US), 0) - _DAY_US
    died = np.append(np.ma.filled(lives["died"], _NEVER - 2 * _DAY_US), 0) + 2 * _DAY_US
    if not deaths:
        died = np.full(len(died), _NEVER)
    person, event, known = (items[name].cast(pl.Int64).fill_null(_NULL).to_numpy() for name in ("person_id", "event_time", "known_time"))
    place = np.searchsorted(persons[:-1], person)
    conditions = [persons[place] != person, event == _NULL, event < born[place], event >= died[place], (known != _NULL) & (known // _DAY_US < event // _DAY_US)]
    return np.select(conditions, np.arange(1, len(OF_THE_ITEM), dtype=np.uint8), np.uint8(PASSED))


def check_vectors(vectors: npt.NDArray[np.float32], count: int, declaration: Declaration, where: str) -> npt.NDArray[np.object_]:
    """Give, of each vector, what is wrong with it, None where nothing is.

    Args:
        vectors: What the encoder gave, `(n, dim) float32`.
        count: How many inputs it was given: of more or fewer vectors, nobody could say whose they are.
        declaration: What it should give.
        where: The encoder's place, for errors.

    Raises:
        EncoderError: The array as a whole is not as declared.
    """
    if vectors.shape != (count, declaration.dim) or vectors.dtype != np.float32:
        raise EncoderError(
            where,
            expected=f"{count} vectors of {declaration.dim} float32, as declared",
            got=f"an array of shape {vectors.shape} and type {vectors.dtype}",
            todo="Mend the encoder, or its declaration.",
        )
    wrong = np.full(len(vectors), None, np.object_)
    wrong[wrong_norm(norms_of(vectors), declaration.norm)] = WRONG_NORM
    wrong[~np.isfinite(vectors).all(axis=1)] = NOT_FINITE
    return wrong


def norms_of(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Give the Euclidean norm of each vector `(n, dim) -> (n,)`."""
    norms: npt.NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return norms


def wrong_norm(norms: npt.NDArray[np.float64], norm: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Say which norms are none that an encoder with this range can give `(n,)`; one that is not a number is not told."""
    least, most = norm
    with np.errstate(invalid="ignore"):
        wrong: npt.NDArray[np.bool_] = (norms < least * (1 - _SLACK)) | (norms > most * (1 + _SLACK))
    return wrong


def check_encoder(study: Path, view: str, declaration: Declaration) -> None:
    """Fail where an encoder of this name and version was registered for the view with other weights.

    Raises:
        EncoderError: It was.
    """
    for file in sorted((study / FEATURES_FOLDER / view).glob(f"*/{ENCODER_FILE}")):
        entry = json.loads(file.read_text(encoding="utf-8"))
        if (entry["name"], entry["version"]) == (declaration.name, declaration.version) and entry["weights_sha256"] != declaration.weights_sha256:
            raise EncoderError(
                f"view '{view}', encoder '{declaration.name}', version {declaration.version}",
                expected=f"weights with SHA-256 {entry['weights_sha256'][:12] or 'none'}…, as registered",
                got=f"{declaration.weights_sha256[:12] or 'none'}…",
                todo="Put the weights back, or name a new version under 'encoder' in plait.yaml (version: …): vectors of two models never mix.",
            )
