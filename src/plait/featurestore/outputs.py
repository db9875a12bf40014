"""A table in the forms that other libraries read: Polars, Arrow, NumPy, SciPy CSR and MuData.

A column is called `VIEW.FEATURE` everywhere, as `FusionTable.explain` takes it; what says why a value is missing is called
`VIEW.FEATURE|reason`, of a whole view `VIEW|reason`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plait.errors import CohortError, ConfigError, MissingExtraError
from plait.featurestore.aligned import Aligned, Ragged
from plait.featurestore.sparse import Sparse
from plait.schema.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl
    import pyarrow as pa
    from scipy.sparse import csr_array

    from plait.featurestore.table import FusionTable

REASON = "|reason"
"""Ends the name of a column with reasons."""

_PLACE = np.full(256, len(Reason) - 1, np.uint32)
_PLACE[[reason.value for reason in Reason]] = np.arange(len(Reason))


class Matrix(NamedTuple):
    """All features of the dense views side by side.

    Attributes:
        values: `(n_rows, n_columns) float32`, NaN where nothing was observed or filled.
        observed: Whether each was observed, `(n_rows, n_columns) bool`.
        names: `VIEW.FEATURE` of each column.
    """

    values: npt.NDArray[np.float32]
    observed: npt.NDArray[np.bool_]
    names: tuple[str, ...]


def dense(table: FusionTable) -> dict[str, Aligned]:
    """Give the views that have a fixed number of features.

    Raises:
        CohortError: The table has views of sequences, which have no columns.
    """
    ragged = [name for name, answer in table.answers.items() if isinstance(answer, Ragged)]
    if ragged:
        raise CohortError(
            f"view '{ragged[0]}'", expected="views with a fixed number of features", got="one of sequences", todo="Leave it out: table.only(views)."
        )
    return {name: answer_of(answer) for name, answer in table.answers.items() if not isinstance(answer, Ragged)}


def answer_of(answer: Aligned | Sparse) -> Aligned:
    """Give an answer with an array for each part."""
    return answer.dense if isinstance(answer, Sparse) else answer


def to_numpy(table: FusionTable) -> Matrix:
    """Give the values, what of them was observed, and the columns' names; the views stand in their order.

    Raises:
        CohortError: The table has views of sequences.
    """
    views = dense(table)
    if not views:
        return Matrix(np.zeros((len(table), 0), np.float32), np.zeros((len(table), 0), np.bool_), ())
    return Matrix(
        np.concatenate([answer.values for answer in views.values()], axis=1),
        np.concatenate([answer.observed for answer in views.values()], axis=1),
        tuple(column for name, answer in views.items() for column in columns_of(name, answer)),
    )


def to_csr(table: FusionTable) -> tuple[csr_array, tuple[str, ...]]:
    """Give what was observed or filled as one SciPy CSR array `(n_rows, n_columns) float32`, with the columns' names.

    An observed 0 is stored, but for a sparse view (`plait.featurestore.sparse`), of which only what was found is.

    Raises:
        CohortError: The table has views of sequences.
        MissingExtraError: SciPy is not installed.
    """
    try:
        from scipy.sparse import csr_array, hstack
    except ImportError:
        raise MissingExtraError("SciPy", expected="the package scipy", got="none", todo="Install it: pip install scipy.") from None
    views = {name: answer for name, answer in table.answers.items() if not isinstance(answer, Ragged)}
    if len(views) < len(table.answers):
        dense(table)  # says which view has no columns
    names = tuple(column for name, answer in views.items() for column in columns_of(name, answer))
    if not views:
        return csr_array((len(table), 0), dtype=np.float32), names
    return csr_array(hstack([answer.to_csr() for answer in views.values()], format="csr")), names


def to_polars(table: FusionTable, *, reasons: bool = True) -> pl.DataFrame:
    """Give the index rows as they were asked for, and a column for every feature: null where nothing was observed or filled.

    A view of sequences gives three columns of lists: `VIEW.code`, `VIEW.value` and `VIEW.age_days`, the oldest event first.

    Args:
        table: The table.
        reasons: Whether each column of values is followed by one that says why each value is there or missing.

    Raises:
        CohortError: A column of the index has the name of a feature.
    """
    import polars as pl

    columns = list(table.index.frame.get_columns())
    for name, answer in table.answers.items():
        columns += _of_sequences(name, answer) if isinstance(answer, Ragged) else _of_values(name, answer_of(answer), reasons=reasons)
        if isinstance(answer, Ragged) and reasons:
            columns.append(reason_names(answer.reason).alias(f"{name}{REASON}"))
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise CohortError("columns", expected="names that occur once", got=f"'{twice[0]}' again", todo="Rename the column of the index rows.")
    return pl.DataFrame(columns)


def to_arrow(table: FusionTable, *, reasons: bool = True) -> pa.Table:
    """Give the columns of `to_polars` as an Arrow table."""
    arrow: pa.Table = to_polars(table, reasons=reasons).to_arrow()
    return arrow


def write_parquet(table: FusionTable, file: Path) -> None:
    """Write the columns of `to_polars` to a new Parquet file that its owner alone can read.

    Raises:
        ConfigError: There is a file of this name.
    """
    frame = to_polars(table)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            frame.write_parquet(handle)
    except FileExistsError:
        raise ConfigError(file, expected="a new file", got="one that is there", todo="Name another one: what was written is never written over.") from None


def to_mudata(table: FusionTable) -> Any:  # noqa: ANN401 - a MuData, whose package may not be installed
    """Give a MuData with an AnnData for every view, all of the same rows in the same order.

    `X` holds the values (NaN where nothing was observed or filled), the layers `observed`, `filled`, `reason` and `age_days` what is said of each.
    Of a view of sequences `X` counts each row's events by code, of the codes that occur. `obs` has the columns of the index and, for each view, whether it is
    present and why not; `uns` says what each view is.

    Raises:
        MissingExtraError: mudata is not installed.
    """
    try:
        import mudata
    except ImportError:
        raise MissingExtraError("MuData", expected="the packages anndata and mudata", got="none", todo="Install them: pip install 'plait[omics]'.") from None
    import anndata
    import pandas as pd

    rows = pd.Index([str(place) for place in range(len(table))])
    modalities = {}
    for name, answer in table.answers.items():
        counts, features = _counted(answer) if isinstance(answer, Ragged) else (None, list(answer.names))
        var = pd.DataFrame({"feature": features}, index=pd.Index([f"{name}.{feature}" for feature in features], dtype=object))
        obs = pd.DataFrame({"present": answer.present, "reason": answer.row_reason}, index=rows)
        if isinstance(answer, Ragged):
            modalities[name] = anndata.AnnData(counts, obs=obs, var=var)
        else:
            var["kind"] = list(answer.kinds)
            held = answer_of(answer)
            layers = {layer: np.ascontiguousarray(getattr(held, layer)) for layer in ("observed", "filled", "reason", "age_days")}
            modalities[name] = anndata.AnnData(np.array(held.values), obs=obs, var=var, layers=layers)
        modalities[name].uns["plait"] = json.dumps(table.described(name), sort_keys=True, default=str)
    with mudata.set_options(pull_on_update=False):  # it will be the default; the index's columns are the joint ones
        joint = mudata.MuData(modalities)
    for column in table.index.frame.get_columns():
        joint.obs[column.name] = _as_obs(column)
    joint.uns["plait"] = json.dumps({"clock": table.question.clock, "version": table.version})
    return joint


def _as_obs(column: pl.Series) -> Any:  # noqa: ANN401 - an array of pandas's or NumPy's
    """Give a column as an AnnData can be written with: times as ISO text."""
    import pandas as pd
    import polars as pl

    if column.dtype == pl.Boolean and column.null_count():
        return pd.array(column.to_list(), dtype="boolean")
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.to_numpy()
    texts = column.dt.to_string("iso") if column.dtype.is_temporal() else column.cast(pl.String)
    return pd.Categorical(texts.to_list())


def columns_of(view: str, answer: Aligned | Sparse) -> list[str]:
    """Give the names of a view's columns."""
    return [f"{view}.{feature}" for feature in answer.names]


def reason_names(codes: npt.NDArray[np.uint8]) -> pl.Series:
    """Give names of reasons for their codes `(n,)`, as one of Polars' enumerations."""
    import polars as pl

    names = [reason.name for reason in Reason]
    return pl.Series(names, dtype=pl.Enum(names)).gather(_PLACE[codes])


def _of_values(view: str, answer: Aligned, *, reasons: bool) -> Iterator[pl.Series]:
    """Give the columns of a view with a fixed number of features."""
    import polars as pl

    codes = answer.spread_reason
    shared = reason_names(codes[:, 0]) if codes.shape[1] == 1 else None
    for place, column in enumerate(columns_of(view, answer)):
        yield pl.Series(column, np.ascontiguousarray(answer.values[:, place]), nan_to_null=True)  # noqa: PD011 - no frame
        if reasons:
            yield (reason_names(answer.reason[:, place]) if shared is None else shared).alias(f"{column}{REASON}")


def _of_sequences(view: str, answer: Ragged) -> list[pl.Series]:
    """Give the three columns of a view of sequences."""
    import polars as pl

    row = np.repeat(np.arange(len(answer)), np.diff(answer.starts))
    used, words, place = words_of(answer)
    codes = pl.Series(words, dtype=pl.String).gather(place) if len(used) else pl.Series([], dtype=pl.String)
    events = pl.DataFrame({"row": row, "code": codes, "value": pl.Series(answer.values, nan_to_null=True), "age_days": answer.age_days})
    lists = events.group_by("row", maintain_order=True).agg("code", "value", "age_days")
    every = pl.DataFrame({"row": np.arange(len(answer))}).join(lists, on="row", how="left", maintain_order="left")
    return [every[column].alias(f"{view}.{column}") for column in ("code", "value", "age_days")]


def words_of(answer: Ragged) -> tuple[npt.NDArray[np.int32], list[str], npt.NDArray[np.intp]]:
    """Give the codes that occur, ascending, what they stand for, and each event's place among them: a vocabulary may have millions of others."""
    used, place = np.unique(answer.codes, return_inverse=True)
    return used, [answer.vocabulary[code] for code in used.tolist()], place


def _counted(answer: Ragged) -> tuple[csr_array, list[str]]:
    """Give how often each code that occurs does so in each row, `(n_rows, n_codes) float32`, and what the codes stand for."""
    from scipy.sparse import csr_array

    row = np.repeat(np.arange(len(answer)), np.diff(answer.starts))
    used, words, place = words_of(answer)
    counts = csr_array((np.ones(len(row), np.float32), (row, place)), shape=(len(answer), len(used)))
    counts.sum_duplicates()
    return counts, words
