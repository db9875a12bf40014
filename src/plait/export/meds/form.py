"""The form of MEDS 0.4: what files, codes and columns are called, and of which types they are.

Written after the package `meds` (0.4.1), which the tests validate every file with; it takes longer to load than most studies take to be written.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

VERSION = "0.4.1"
"""The version of MEDS."""

DATASET_FILE = "metadata/dataset.json"
CODES_FILE = "metadata/codes.parquet"
SPLITS_FILE = "metadata/subject_splits.parquet"

TRAIN, TUNING, HELD_OUT = "train", "tuning", "held_out"
"""Parts of a split."""

LABELS = {
    "subject_id": "int64",
    "prediction_time": "timestamp[us]",
    "boolean_value": "bool",
    "integer_value": "int64",
    "float_value": "float32",
    "categorical_value": "string",
}
"""Columns of a label file, of which the first two must be there; no value is null."""

SPLITS = {"subject_id": "int64", "split": "string"}
"""Columns of the file of parts."""


@cache
def data_schema() -> str:
    """Give what Parquet keeps of the schema of `data/` for Arrow, in base64: texts are of a type there (`large_string`) that Parquet itself has not.

    `data_schema.txt` is `pyarrow.Schema.serialize` of MEDS's columns and ours; a test compares them.
    """
    return (files("plait.export.meds") / "data_schema.txt").read_text(encoding="ascii").strip()


def arrow_schema(columns: dict[str, str], present: Sequence[str]) -> pa.Schema:
    """Give the schema of a table with some of these columns, in their order."""
    import pyarrow as pa

    kinds = {"int64": pa.int64(), "timestamp[us]": pa.timestamp("us"), "bool": pa.bool_(), "float32": pa.float32(), "string": pa.string()}
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in columns.items() if name in present])
