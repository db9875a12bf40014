"""`plait export mudata`: snapshots as MuData, an AnnData for every view."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError
from plait.etl.sources.matrix import need_omics
from plait.export.outgoing import Left, leaving, need_row_level
from plait.export.snapshots import departing, snapshot_folder
from plait.progress import silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from plait.etl.commit import Version
    from plait.export.snapshots import Departing
    from plait.featurestore.table import FusionTable
    from plait.progress import Progress
    from plait.settings import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was written.

    Attributes:
        name: Its name.
        rows: Its rows.
        views: Its views.
        left_out: Rows of persons who do not leave.
        dropped: Columns and features that are not in it.
        suppressed: Texts that fewer persons have than the smallest cell.
    """

    name: str
    rows: int
    views: tuple[str, ...]
    left_out: int
    dropped: tuple[str, ...]
    suppressed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Left):
    """What was written.

    Attributes:
        snapshots: The snapshots in it.
    """

    snapshots: tuple[Written, ...]


def export_mudata(
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    snapshots: Sequence[str],
    row_level: bool,
    key: str | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write snapshots, de-identified, as `NAME.h5mu` into a new folder, and the hashes.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says how small a cell may be and whether weekdays stay.
        target: The folder.
        snapshots: Folders below the study's `snapshots/`.
        row_level: That rows of patients may leave; without it nothing of a snapshot could.
        key: Name of the key in `private/`; without one, that of the policy, or a new key that is thrown away.
        progress: Hears of rows that were written.

    Raises:
        ConfigError: Row level was not asked for, no snapshot was named, or something is in the target's place.
        ExportError: There is no such snapshot, a check of severity `error` fails, or something identifies. Nothing is written.
        MissingExtraError: The packages for molecular data are not installed.
    """
    need_row_level("plait export mudata", row_level=row_level)
    need_omics("plait export mudata")
    if not snapshots:
        raise ConfigError("plait export mudata", expected="--snapshot NAME", got="none", todo="Name a snapshot below the study's snapshots/.")
    for name in snapshots:
        snapshot_folder(study, name)
    with leaving(study, version, settings, target, key=key, has_notes=False, progress=progress) as out:
        made = []
        for name in dict.fromkeys(snapshots):
            one = departing(out, name)
            _write(one.table, out.folder / f"{name}.h5mu")
            out.progress("export", len(one.table))
            made.append(_written(one))
        hashes = out.seal()
    return Exported(snapshots=tuple(made), **out.left(target, hashes))


def _written(one: Departing) -> Written:
    return Written(one.name, len(one.table), one.table.views, one.left_out, one.dropped, one.suppressed)


def _write(table: FusionTable, file: Path) -> None:
    """Write a table, with the part of a split that its rows are, and of what is said of it only what tells of the views."""
    import mudata

    made = table.to_mudata()
    if table.part is not None:
        made.obs["split"] = table.part.name
    made.uns["plait"] = json.dumps({"clock": table.question.clock})
    for name, view in made.mod.items():
        view.uns["plait"] = json.dumps(_told(table.described(name), name))
    file.parent.mkdir(parents=True, exist_ok=True)
    with mudata.set_options(pull_on_update=False):  # it will be the default; columns of the views stay theirs
        made.write_h5mu(file, compression="gzip", compression_opts=1)


def _told(described: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give what is told of a view: its kind and its encoder, which are of nobody; options may hold paths and lists of codes."""
    encoder = described.get("encoder")
    named = {part: encoder[part] for part in ("encoder_id", "dim", "weights_sha256") if part in encoder} if isinstance(encoder, dict) else None
    return {"view": name, "modality": described.get("modality")} | ({"encoder": named} if named else {})
