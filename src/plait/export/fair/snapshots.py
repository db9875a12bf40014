"""Snapshots in a package: one flat table each, with values, reasons and labels, under new ids and shifted times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plait.export.fair.describe import arrow_file
from plait.export.fair.missing import Described, describe_snapshot, meanings
from plait.export.snapshots import departing
from plait.featurestore.outputs import REASON

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from plait.export.fair.model import TableFile
    from plait.export.outgoing import Outgoing
    from plait.featurestore.table import FusionTable

SPLIT = "split"
"""The column that says which part of a split a row is of, where the snapshot is one."""


def write_snapshots(out: Outgoing, names: Sequence[str]) -> tuple[list[TableFile], tuple[Described, ...]]:
    """Write snapshots as `snapshots/NAME.parquet`, in the order of new ids and times, and describe them, in figures too.

    Args:
        out: The export.
        names: Folders below the study's `snapshots/`.

    Raises:
        ExportError: There is none of a name.
        SnapshotError: One is not what it was when it was saved.
    """
    made, figures = [], []
    for name in names:
        table = departing(out, name).table
        frame = with_split(table.to_polars(), table)
        path = f"snapshots/{name}.parquet"
        (out.folder / path).parent.mkdir(exist_ok=True)
        frame.write_parquet(out.folder / path, compression="zstd")
        about = f"A person at a moment, with what was known then (clock {table.question.clock}): a column for each feature, and one with why it has no value."
        made.append(described(arrow_file(out.folder, path, name, about, frame.height, frame.to_arrow().schema, _abouts(frame.columns)), table))
        figures.append(describe_snapshot(table, name))
    return made, tuple(figures)


def with_split(frame: pl.DataFrame, table: FusionTable) -> pl.DataFrame:
    """Give the rows with the part of the split that they are of, where they are of one."""
    import polars as pl

    return frame if table.part is None or SPLIT in frame.columns else frame.with_columns(pl.lit(table.part.name).alias(SPLIT))


def described(file: TableFile, table: FusionTable) -> TableFile:
    """Give the description of a snapshot with what its reasons mean, its key, and the part that it is."""
    reasons = tuple(meanings().items())
    columns = tuple(replace(column, values=reasons) if column.name.endswith(REASON) else column for column in file.columns)
    if table.part is not None:
        about = "The part for training or testing that the row is of."
        columns = tuple(replace(column, about=about) if column.name == SPLIT else column for column in columns)
    frame = table.index.frame
    key = ("person_id", "prediction_time")
    is_key = not frame.select(key).is_duplicated().any()
    return replace(file, columns=columns, key=key if is_key else (), split=table.part.name if table.part is not None else None)


def _abouts(columns: Sequence[str]) -> dict[str, str]:
    own = {"person_id": "A new id.", "prediction_time": "The moment of the row; shifted as all of the person's dates are."}
    reasons = {name: f"Why {name.removesuffix(REASON)} has no value; OBSERVED where it has." for name in columns if name.endswith(REASON)}
    return {name: f"The feature or label {name}." for name in columns} | reasons | own
