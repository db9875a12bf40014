"""Snapshots in a package: one flat table each, with values, reasons and labels, under new ids and shifted times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.export.fair.describe import arrow_file
from plait.export.snapshots import departing
from plait.featurestore.outputs import REASON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.export.fair.model import TableFile
    from plait.export.outgoing import Outgoing


def write_snapshots(out: Outgoing, names: Sequence[str]) -> list[TableFile]:
    """Write snapshots as `snapshots/NAME.parquet`, in the order of new ids and times, and describe them.

    Args:
        out: The export.
        names: Folders below the study's `snapshots/`.

    Raises:
        ExportError: There is none of a name.
        SnapshotError: One is not what it was when it was saved.
    """
    made = []
    for name in names:
        table = departing(out, name).table
        frame = table.to_polars()
        path = f"snapshots/{name}.parquet"
        (out.folder / path).parent.mkdir(exist_ok=True)
        frame.write_parquet(out.folder / path, compression="zstd")
        about = f"A person at a moment, with what was known then (clock {table.question.clock}): a column for each feature, and one with why it has no value."
        made.append(arrow_file(out.folder, path, name, about, frame.height, frame.to_arrow().schema, _abouts(frame.columns)))
    return made


def _abouts(columns: Sequence[str]) -> dict[str, str]:
    own = {"person_id": "A new id.", "prediction_time": "The moment of the row; shifted as all of the person's dates are."}
    reasons = {name: f"Why {name.removesuffix(REASON)} has no value; OBSERVED where it has." for name in columns if name.endswith(REASON)}
    return {name: f"The feature or label {name}." for name in columns} | reasons | own
