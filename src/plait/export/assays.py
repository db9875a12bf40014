"""Assays in a package: the study's AnnData files, of the persons who leave, under the names that all else in the package has.

Values go from the study's file to the package's in blocks: nothing of a matrix's size is ever in memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError, ExportError
from plait.etl.sources.matrix import need_omics, open_h5
from plait.export.fair.describe import data_file
from plait.export.matrices import copy_rows, is_matrix
from plait.hashing import sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from plait.export.fair.model import DataFile
    from plait.export.outgoing import Outgoing

FOLDER = "omics"
ALL = "all"
"""Stands for every assay of the study."""

MEDIA_TYPE = "application/x-hdf5"

_OWN = ("person_id", "omics_occurrence_id", "specimen_id", "specimen", "panel")
"""Columns of obs that plait sets, and what becomes of them is known."""

_FACTS = ("assay", "layer", "is_mean", "genome_build", "platform", "pipeline", "unit")
"""What of `uns["plait"]` leaves; nothing else of uns does."""

_DATE = re.compile(r"\d{4}[-/.]?\d{2}[-/.]?\d{2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")
"""What is, or begins with, a date."""

_ORDINAL = (1 << 22) - 1


@dataclass(frozen=True, slots=True)
class Shipped:
    """An assay that was written.

    Attributes:
        assay: Its name.
        file: Its file, described.
        items: Rows of its matrix.
        features: Columns of it.
        left_out: Rows of persons who do not leave.
        columns: Columns of obs, besides plait's own, that are in it.
        dropped: Columns of obs, and parts of the file, that are not.
        suppressed: Values of the columns that fewer persons have than the smallest cell.
    """

    assay: str
    file: DataFile
    items: int
    features: int
    left_out: int
    columns: tuple[str, ...]
    dropped: tuple[str, ...]
    suppressed: int


def write_assays(out: Outgoing, names: Sequence[str]) -> list[Shipped]:
    """Write assays as `omics/ASSAY.h5ad`, their rows in the order of new ids, and describe them.

    Args:
        out: The export.
        names: Assays of the version that have a matrix; `all` for every one.

    Raises:
        ConfigError: The version has no assay of a name.
        ExportError: The policy withholds assays, or a file is not what it was when it was committed.
        MissingExtraError: The packages for molecular data are not installed.
    """
    if not names:
        return []
    need_omics("--assay")
    if "omics_occurrence" in out.policy.withhold:
        raise ExportError("policy.withhold", expected="assays that may leave", got="omics_occurrence", todo="Leave out --assay, or change the policy.")
    entries = {entry["assay"]: entry for entry in out.version.omics}
    chosen = sorted(entries) if ALL in names else list(dict.fromkeys(names))
    for name in chosen:
        if name not in entries:
            known = ", ".join(sorted(entries)) or "none"
            raise ConfigError(f"--assay {name}", expected="an assay with a matrix", got="no such assay", todo=f"There are: {known}.")
    (out.folder / FOLDER).mkdir(exist_ok=True)
    return [_written(out, entries[name]) for name in chosen]


def _written(out: Outgoing, entry: dict[str, Any]) -> Shipped:
    """Write one assay."""
    source, path = out.study / entry["path"], f"{FOLDER}/{entry['assay']}.h5ad"
    if not source.is_file() or sha256_of(source) != entry["sha256"]:
        raise ExportError(
            f"assay '{entry['assay']}'",
            expected="the file that was committed",
            got="another one" if source.is_file() else "none",
            todo="Restore it from a copy, or run `plait etl run --full`.",
        )
    from anndata.io import read_elem

    with open_h5(source, "r") as held, open_h5(out.folder / path, "w") as group:
        obs, var = read_elem(held["obs"]), read_elem(held["var"])
        new_ids = dict(out.con.execute("SELECT person_id, new_id FROM pseudonym").fetchall())
        rows = _order([new_ids.get(person) for person in obs["person_id"].tolist()])
        frame, dropped, suppressed = _told(out, obs.iloc[rows], entry["assay"], new_ids)
        dropped += _fill(group, held, frame, var, rows)
    out.progress("export", len(rows))
    about = f"Values of the assay {entry['assay']} ({entry['layer']}) as AnnData: a row for each item, by new ids; its persons are those of the other tables."
    file = data_file(out.folder, path, about, MEDIA_TYPE)
    columns = tuple(column for column in frame if column not in _OWN)
    return Shipped(entry["assay"], file, len(rows), len(var), len(obs) - len(rows), columns, tuple(dropped), suppressed)


def _order(new_ids: Sequence[int | None]) -> npt.NDArray[np.intp]:
    """Give the places of the rows that leave, by the new ids of their persons, those of one person as they stand."""
    import numpy as np

    leaving = np.array([-1 if new_id is None else new_id for new_id in new_ids], dtype=np.int64)
    order = np.argsort(leaving, kind="stable")
    return order[leaving[order] >= 0]


def _told(out: Outgoing, obs: pd.DataFrame, assay: str, new_ids: dict[int, int]) -> tuple[pd.DataFrame, list[str], int]:
    """Give obs as it leaves the study, the columns that do not, and how many values of the others do not."""
    import pandas as pd

    def renamed(kind: str, names: Sequence[str]) -> list[str]:
        return [out.key.name(kind, name) if name else "" for name in names]

    persons = obs["person_id"].to_numpy(dtype="int64")
    made = pd.DataFrame(index=pd.Index(renamed("item", [f"{assay}/{item}" for item in obs.index]), dtype="object"))
    made["person_id"] = [new_ids[person] for person in persons.tolist()]
    for column in ("omics_occurrence_id", "specimen_id"):
        moved = [_moved(row, person, new_ids[person]) for row, person in zip(obs[column].tolist(), persons.tolist(), strict=True)]
        made[column] = pd.array(moved, dtype="Int64")
    made["specimen"] = renamed("specimen", obs["specimen"].astype(str).tolist())
    made["panel"] = obs["panel"].astype(str).to_numpy()
    others, dropped, suppressed = common_columns(obs.drop(columns=[name for name in _OWN if name in obs]), persons, out.policy.min_cell)
    for column, values in others.items():
        made[column] = values.array
    return made, dropped, suppressed


def _moved(row: Any, person: int, new_id: int) -> int | None:  # noqa: ANN401 - a number, or pandas's NA
    """Give the new id of a row of a person, as `new_row` of `macros.sql` does."""
    import pandas as pd

    return None if pd.isna(row) or int(row) >> 22 != person else (new_id << 22) + (int(row) & _ORDINAL)


def common_columns(frame: pd.DataFrame, persons: npt.NDArray[np.int64], min_cell: int) -> tuple[dict[str, pd.Series[Any]], list[str], int]:
    """Give the columns with what at least as many persons have in them as the smallest cell; a column of dates, or with nothing left, is dropped.

    Args:
        frame: Columns that nobody knows the meaning of.
        persons: The person of each row.
        min_cell: The smallest cell.

    Returns:
        The columns, with None for what few have; the names of the others; how many values were taken out of the columns that stay.
    """
    import pandas as pd

    kept: dict[str, pd.Series[Any]] = {}
    dropped, suppressed = [], 0
    for name in map(str, frame):
        texts = frame[name].astype(object).where(frame[name].notna(), None)
        words = texts.map(str, na_action="ignore")
        if _is_dated(frame[name], words):
            dropped.append(name)
            continue
        counts = pd.DataFrame({"word": words, "person": persons}).dropna().groupby("word")["person"].nunique()
        is_common = words.isin(counts.index[counts >= min_cell])
        if not is_common.any():
            dropped.append(name)
            continue
        suppressed += int((~is_common & words.notna()).sum())
        is_whole = bool((is_common | words.isna()).all())
        whole = frame[name].cat.remove_unused_categories() if isinstance(frame[name].dtype, pd.CategoricalDtype) else frame[name]
        kept[name] = whole if is_whole else pd.Series(pd.Categorical(words.where(is_common, None)), index=frame.index)
    return kept, dropped, suppressed


def _is_dated(values: pd.Series[Any], words: pd.Series[Any]) -> bool:
    """Tell whether a column holds dates: they would have to be shifted, and nobody says what they are dates of."""
    import pandas as pd

    return pd.api.types.is_datetime64_any_dtype(values.dtype) or any(_DATE.match(word) for word in words.dropna().unique())


def _fill(group: Any, held: Any, obs: pd.DataFrame, var: pd.DataFrame, rows: npt.NDArray[np.intp]) -> list[str]:  # noqa: ANN401 - h5py has no types
    """Write the parts of a file, and give the names of those that are not."""
    from anndata.io import write_elem

    group.attrs["encoding-type"], group.attrs["encoding-version"] = "anndata", "0.1.0"
    write_elem(group, "obs", obs)
    write_elem(group, "var", var)
    for name in ("obsm", "varm", "obsp", "varp", "layers"):
        write_elem(group, name, {})
    facts = held.get("uns/plait", {})
    write_elem(group, "uns", {"plait": {name: _plain(facts[name][()]) for name in _FACTS if name in facts}})
    copy_rows(held["X"], group, "X", rows)
    dropped = [f"uns/{name}" for name in held.get("uns", ()) if name != "plait"]
    for name, layer in held.get("layers", {}).items():
        if layer == held["X"]:
            group[f"layers/{name}"] = group["X"]
        else:
            copy_rows(layer, group, f"layers/{name}", rows)
    for name, part in held.get("obsm", {}).items():
        if is_matrix(part):
            copy_rows(part, group, f"obsm/{name}", rows)
        else:
            dropped.append(f"obsm/{name}")
    return dropped + [name for name in ("raw", "varm", "obsp", "varp") if len(held.get(name, ()))]


def _plain(value: Any) -> Any:  # noqa: ANN401 - what HDF5 holds
    return value.decode() if isinstance(value, bytes) else value
