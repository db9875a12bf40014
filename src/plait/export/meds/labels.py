"""What is to be predicted: a cohort of the study as label files, `labels/COHORT/LABEL/0.parquet`, a task for each of its labels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.errors import ConfigError
from plait.export.deidentify.calendar import need_own, own_ends
from plait.export.deidentify.tables import DATED, record_days
from plait.export.meds.form import LABELS, arrow_schema
from plait.featurestore.index import PERSON, TIME

if TYPE_CHECKING:
    import polars as pl

    from plait.export.outgoing import Outgoing
    from plait.featurestore.cohorts import Cohort, Label

_NAME = re.compile(r"[A-Za-z0-9_-]+")


def write_labels(out: Outgoing, cohort: Cohort) -> dict[str, int]:
    """Write the labels of a cohort, and give the rows of each task; of a cohort without labels, its rows are the one task.

    A row whose label is not known is not in that label's file, nor is one whose word fewer persons have than the smallest cell.

    Raises:
        ConfigError: The cohort's name is no name for a folder.
        ExportError: Its moments are the calendar's.
    """
    import polars as pl
    import pyarrow.parquet as pq

    name = cohort.name.replace(" ", "_")
    if not _NAME.fullmatch(name):
        raise ConfigError("--cohort", expected="a name of letters, digits, _ and -", got="another", todo="Name the cohort in plait.yaml, or rename the file.")
    pseudonyms = out.con.execute("SELECT person_id, new_id, shift_days FROM pseudonym").pl()
    at = pl.Series(TIME, cohort.index.at).cast(pl.Datetime("us"))
    rows = cohort.frame.with_columns(at).join(pseudonyms, on=PERSON, how="inner", maintain_order="left")
    need_own(f"cohort {name}", rows[PERSON], rows[TIME])
    rows = own_ends(rows, out.con.execute(record_days()).pl(), person=PERSON, time=TIME)
    moved = rows.with_columns(pl.col("new_id").alias("subject_id"), (pl.col(TIME) + pl.duration(days=pl.col("shift_days"))).cast(pl.Datetime("us")))
    written = {}
    for label in cohort.labels.labels or (None,):
        frame = moved.select("subject_id", TIME, *(_values(label, moved) if label else ())).drop_nulls()
        frame = _common(frame, out.policy.min_cell).sort(pl.all())
        task = f"{name}/{label.name}" if label else name
        file = out.folder / "labels" / task / "0.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        schema = arrow_schema(LABELS, frame.columns)
        pq.write_table(frame.select(schema.names).to_arrow().cast(schema), file, compression="zstd")
        written[task] = frame.height
    return written


def _values(label: Label, rows: pl.DataFrame) -> list[pl.Expr]:
    """Give a label's columns under MEDS's names, by what they hold: days and whether the event came stand side by side."""
    import polars as pl

    found = []
    for column in label.columns:
        kind = rows.schema[column]
        if kind == pl.Boolean:
            value = pl.col(column).alias("boolean_value")
        elif kind.is_integer():
            value = pl.col(column).cast(pl.Int64).alias("integer_value")
        elif kind.is_numeric():
            value = pl.col(column).cast(pl.Float32).alias("float_value")
        else:
            value = pl.col(column).cast(pl.String).alias("categorical_value")
        found.append(value)
    return found


def _common(frame: pl.DataFrame, min_cell: int) -> pl.DataFrame:
    """Leave out words that too few persons have, and dates in words."""
    import polars as pl

    if "categorical_value" not in frame.columns:
        return frame
    is_dated = pl.col("categorical_value").str.contains(DATED)
    return frame.filter(~is_dated & (pl.col("subject_id").n_unique().over("categorical_value") >= min_cell))
