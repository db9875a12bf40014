"""The rules of an embedding table as a whole, and whether it may be served: what needs more than one row to be seen (docs/decisions/0018)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.schema.embeddings import ENCODER_FILE
from plait.schema.reasons import Reason
from plait.validators.counted import Counted, Figure, judged
from plait.validators.embeddings.scan import CHANGED, COLUMNS, DIMENSION, SOUND, UNREADABLE, declaration_of, parts_of, read_encoder
from plait.validators.suite import checks_about, settled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from plait.settings import ValidationSettings
    from plait.validators.embeddings.scan import Scanned
    from plait.validators.judge import Result

SUITE = "embeddings"

_RULES = 1
"""Number of the rules below and of those of single rows: what was found by others is found anew."""

_FEWEST_TO_DIFFER = 20
"""How many different contents there must be before a dimension should differ: one that a twentieth of items have otherwise is the same in all of 20
by a chance of 0.36, and in a hundred of 0.006; a study's threshold is for the rest."""


def table_of(view: str) -> str:
    """Give what checks call the embedding table of a view."""
    return f"{SUITE}.{view}"


def stamp_of(folder: Path) -> str:
    """Give a digest of a table's parts, by name, size and time, of its registration, and of plait's rules: what is known of the table is known of that."""
    said = [(part.name, part.stat().st_size, part.stat().st_mtime_ns) for part in parts_of(folder)]
    file = folder / ENCODER_FILE
    registered = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    siblings = sorted(path.parent.name for path in folder.parent.glob(f"*/{ENCODER_FILE}"))
    return hashlib.sha256(repr((_RULES, said, registered, siblings)).encode()).hexdigest()[:16]


def table_figures(scanned: Scanned) -> dict[str, Figure]:
    """Give what the rules of a table as a whole find, by type of check."""
    good = sound(scanned)
    parts = len(scanned.parts)
    return {
        "embeddingPart": Counted(sum(part.problem in {CHANGED, COLUMNS, UNREADABLE} for part in scanned.parts), parts),
        "embeddingDimension": Counted(sum(part.problem == DIMENSION for part in scanned.parts), parts),
        "embeddingRegistered": Counted(len(misregistered(scanned.folder)), len(_registrations(scanned.folder))),
        "embeddingConstant": _constant(scanned, good),
        **_alike(good),
    }


def refusals(view: str, figures: Mapping[str, Figure], settings: ValidationSettings) -> list[Result]:
    """Give the checks for which a table is not served: rules of the table as a whole that fail, of severity `error`, as a study's settings have them."""
    found = []
    for check in checks_about(SUITE, table_of(view)):
        now = settled(check, settings) if check.type.gates else None
        if now is not None and now.severity == "error" and check.type.name in figures:
            found.append(judged(now, figures[check.type.name]))
    return [result for result in found if result.status == "FAIL"]


def sound(scanned: Scanned) -> pl.DataFrame:
    """Give the rows that are served: those with a vector, nothing wrong with them."""
    import polars as pl

    return scanned.rows.filter((pl.col("status") == Reason.OBSERVED) & (pl.col("wrong") == SOUND))


def constant_dimensions(scanned: Scanned) -> list[int]:
    """Give the dimensions that are the same in all sound vectors."""
    places: list[int] = np.flatnonzero(scanned.least == scanned.most).tolist()
    return places


def shared_rows(good: pl.DataFrame) -> pl.DataFrame:
    """Give the rows whose vector is also that of another content of another person, with `group`, a number of the vector."""
    import polars as pl

    alike = good.filter((pl.col("content").n_unique().over("first", "second") > 1) & (pl.col("person_id").n_unique().over("first", "second") > 1))
    return alike.with_columns(group=pl.struct("first", "second").rank("dense"))


def misregistered(folder: Path) -> list[dict[str, Any]]:
    """Give the encoders of a view whose registration is wrong: `encoder_id` and `problem`.

    The table's own must be what its id says; and of one name and version, all that are registered must have its weights.
    """
    own = declaration_of(read_encoder(folder))
    if own is None or own.encoder_id != folder.name:
        return [{"encoder_id": folder.name, "problem": "its registration is not what its id says"}]
    others = [(name, declaration_of(entry)) for name, entry in _registrations(folder).items() if name != folder.name]
    alike = [(name, other) for name, other in others if other is not None and (other.name, other.version) == (own.name, own.version)]
    return [
        {"encoder_id": name, "problem": "other weights by the same name and version"} for name, other in alike if other.weights_sha256 != own.weights_sha256
    ]


def _registrations(folder: Path) -> dict[str, dict[str, Any]]:
    """Give what is registered for the view of a table, its own first, by the folder's name."""
    others = sorted(path.parent.name for path in folder.parent.glob(f"*/{ENCODER_FILE}"))
    return {name: read_encoder(folder.parent / name) for name in dict.fromkeys((folder.name, *others))}


def _constant(scanned: Scanned, good: pl.DataFrame) -> Figure:
    """Count dimensions that never differ."""
    contents = good["content"].n_unique()
    if contents < _FEWEST_TO_DIFFER:
        return f"fewer than {_FEWEST_TO_DIFFER} different items"
    return Counted(len(constant_dimensions(scanned)), scanned.dim)


def _alike(good: pl.DataFrame) -> dict[str, Figure]:
    """Count contents that have one vector, and those that repeat the vector of another person's: of k that are alike, k - 1 are chance's or a fault's."""
    few = f"fewer than {_FEWEST_TO_DIFFER} different items"
    one = good.unique("content", keep="first", maintain_order=True)
    most = int(one.group_by("first", "second").len()["len"].max() or 0)  # type: ignore[arg-type]  # counts
    alike = shared_rows(good)
    shared: Figure = Counted(alike["content"].n_unique() - alike["group"].n_unique(), one.height)
    if good["person_id"].n_unique() <= 1:
        shared = "all items are of one person"
    collapsed: Figure = few if one.height < _FEWEST_TO_DIFFER else Counted(most if most > 1 else 0, one.height)
    return {"embeddingCollapsed": collapsed, "embeddingShared": shared}
