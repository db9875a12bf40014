"""Snapshots: a table as an immutable folder, known by its content and checked when it is opened (layout: `plait.schema.snapshots`)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.errors import PlaitError, SnapshotError, in_words
from plait.featurestore.aligned import Aligned, Presence, Ragged
from plait.featurestore.fitting import Fitted
from plait.featurestore.imputers import Imputed
from plait.featurestore.index import as_index
from plait.featurestore.modalities.events import Codes
from plait.featurestore.sparse import Sparse
from plait.featurestore.splits import Part, Split
from plait.featurestore.table import FusionTable
from plait.featurestore.view import Question
from plait.hashing import sha256_of
from plait.schema.snapshots import FITTED_FOLDER, FORGOTTEN, INDEX_FILE, MANIFEST_FILE, SNAPSHOT_FORMAT, SPLIT_FILE, TABLE_FILE, VIEWS_FOLDER
from plait.workfolder import need_place, work_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from plait.featurestore.table import Answer

_KINDS: dict[str, type[Aligned | Ragged | Sparse]] = {"aligned": Aligned, "imputed": Imputed, "sparse": Sparse, "ragged": Ragged}
_WORDS = ("view", "names", "presence", "kinds", "vocabulary")
"""Parts of an answer that are no arrays."""

_UNFINISHED = ".plait-snapshot-"
"""How the names of folders begin in which a snapshot is written, beside its place."""

_CODES_FILE = "vocabulary.npy"
"""Concept ids, where a vocabulary of sequences is made of them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot whose files are what they were.

    Attributes:
        path: Its folder.
        id: SHA-256 over its content.
        files: Size and SHA-256 of each file, by its path in the folder.
    """

    path: Path
    id: str
    files: Mapping[str, dict[str, Any]]


def save(table: FusionTable, folder: str | Path) -> str:
    """Write a table into a new folder, which appears whole or not at all; the same table gives the same bytes.

    Everything in it is of patients: the folder is for its owner alone, its files cannot be written to.

    Returns:
        The snapshot's id.

    Raises:
        SnapshotError: The folder holds something else, or an audit, which tells of the future, was to be kept.
    """
    target = Path(folder)
    if table.question.audit:
        raise SnapshotError(
            target, expected="a table for models", got="an audit, which tells of the future", todo="Ask without audit=True, and save that table."
        )
    need_place(target.absolute().parent)
    if target.exists() and not (target / MANIFEST_FILE).exists():
        raise SnapshotError(target, expected="a new folder", got="one with other files, or a file", todo="Choose another name: nothing is written over.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with work_folder(target.parent, _UNFINISHED) as temporary:
        name = _finish(table, temporary, [])
        if target.exists():
            _check_same(target, name)
        else:
            temporary.rename(target)
            _flush(target.parent)
    return name


def save_again(table: FusionTable, folder: Path, marks: Sequence[Mapping[str, Any]]) -> str:
    """Put what is left of a snapshot, persons having been forgotten, in its place; `marks` tell of that in its manifest.

    Returns:
        The snapshot's id, which is another one.
    """
    temporary, old = (folder.with_name(f".{folder.name}.{kind}") for kind in ("left", "was"))
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    name = _finish(table, temporary, marks)
    folder.rename(old)  # no file system that plait is used on swaps two folders: for a moment there is none of this name
    temporary.rename(folder)
    _flush(folder.parent)
    shutil.rmtree(old)
    return name


def finish_again(root: Path) -> None:
    """Put snapshots in their place that were about to be put there when a forgetting was stopped."""
    for old in sorted(root.rglob(".*.was")):
        folder = old.with_name(old.name[1 : -len(".was")])
        left = folder.with_name(f".{folder.name}.left")
        if not folder.exists():
            (left if (left / MANIFEST_FILE).is_file() else old).rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    for left in sorted(root.rglob(".*")):
        if left.is_dir() and re.fullmatch(r"\..+\.(left|[0-9a-f]{8})", left.name):  # also what a `save` that was killed had written
            shutil.rmtree(left)


def _finish(table: FusionTable, folder: Path, marks: Sequence[Mapping[str, Any]]) -> str:
    """Write all files of a snapshot, its manifest the last, so that nobody writes to them and all are on the disk; give its id."""
    _write(table, folder)
    files = _hashed(folder)
    name = _id_of(files)
    told = {FORGOTTEN: list(marks)} if marks else {}
    (folder / MANIFEST_FILE).write_text(_as_json({"format": SNAPSHOT_FORMAT, "id": name, "files": files, **told}), encoding="utf-8")
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o400)
        _flush(path)
    return name


def check_snapshot(folder: str | Path, *, id: str | None = None) -> Snapshot:  # noqa: A002 - as the manifest calls it
    """Read every file of a snapshot, and say that it is what it was.

    Args:
        folder: The snapshot.
        id: The id that it should have, from a place that whoever can change the folder cannot.

    Raises:
        SnapshotError: A file is missing, added, or has other bytes; names it.
    """
    path = Path(folder)
    try:
        manifest = json.loads((path / MANIFEST_FILE).read_bytes())
        given, said, files = manifest["format"], manifest["id"], manifest["files"]
        is_named_so = said == _id_of(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotError(
            path / MANIFEST_FILE,
            expected="the manifest of a snapshot",
            got=in_words(error),
            todo="Restore the folder from a copy, or save the table anew.",
        ) from None
    if given != SNAPSHOT_FORMAT:
        raise SnapshotError(
            path / MANIFEST_FILE, expected=f"a snapshot of format {SNAPSHOT_FORMAT}", got="another", todo="Open it with the plait that wrote it."
        )
    _check_id(path, manifest, id)
    if not is_named_so:
        raise SnapshotError(path / MANIFEST_FILE, expected="the snapshot's id", got="another", todo="Restore the folder from a copy, or save the table anew.")
    found = {file.relative_to(path).as_posix() for file in path.rglob("*") if not file.is_dir() or file.is_symlink()} - {MANIFEST_FILE}
    for name in sorted(found.symmetric_difference(files)):
        got = "no such file" if name in files else "a file that is not in its manifest"
        raise SnapshotError(path / name, expected="the files of its manifest and no others", got=got, todo="Restore the folder from a copy.")
    for name, entry in sorted(files.items()):
        if sha256_of(path / name) != entry["sha256"]:
            raise SnapshotError(path / name, expected="the bytes that were saved", got="others", todo="Restore the folder from a copy.")
    return Snapshot(path, said, files)


def _check_id(path: Path, manifest: Mapping[str, Any], asked: str | None) -> None:
    """Fail where a snapshot was asked for by another id; say so where it is the one that it had before persons were forgotten."""
    if asked is None or asked == manifest["id"]:
        return
    for mark in manifest.get(FORGOTTEN, []):
        if asked == mark["was"]:
            persons = sum(one["persons"] for one in manifest[FORGOTTEN][manifest[FORGOTTEN].index(mark) :])
            raise SnapshotError(
                path / MANIFEST_FILE,
                expected="the snapshot as it was when it had this id",
                got=f"what is left of it since {persons} of its persons were forgotten, on {mark['at'][:10]} for the first time",
                todo=f"Its id is {manifest['id']} now: use that, and fit anew what was fitted on it.",
            )
    raise SnapshotError(path / MANIFEST_FILE, expected="the snapshot's id", got="another", todo="Restore the folder from a copy, or save the table anew.")


def open_snapshot(folder: str | Path, *, id: str | None = None) -> FusionTable:  # noqa: A002 - as the manifest calls it
    """Check a snapshot and give its table; the arrays are memory-mapped and not to be changed.

    Args:
        folder: The snapshot.
        id: The id that it should have, if it is known.

    Raises:
        SnapshotError: It is not what it was when it was saved; names the file.
    """
    import polars as pl

    snapshot = check_snapshot(folder, id=id)
    path = snapshot.path
    try:
        content = json.loads((path / TABLE_FILE).read_text(encoding="utf-8"))
        answers = {one["view"]: _answer(path / VIEWS_FOLDER / one["view"], one) for one in content["views"]}
        split = Split.read(path / SPLIT_FILE) if SPLIT_FILE in snapshot.files else None
        part = Part(content["part"], split) if split is not None else None
        fitted = Fitted.read(path / FITTED_FOLDER) if content["is_fitted"] else None
        index = as_index(pl.read_parquet(path / INDEX_FILE))
        question = Question.of(content["clock"], audit=False)
    except (PlaitError, OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotError(path, expected="a snapshot that this plait reads", got=in_words(error), todo="Open it with the plait that wrote it.") from error
    return FusionTable(index, answers, {}, question, content["version"], content["lineage"], part, fitted)


def _write(table: FusionTable, folder: Path) -> None:
    """Write all files but the manifest."""
    import pyarrow.parquet as pq

    views = []
    for name, answer in table.answers.items():
        views.append(_write_answer(answer, folder / VIEWS_FOLDER / name))
    content = {
        "clock": table.question.clock,
        "version": table.version,
        "lineage": {**table.lineage, "views": {name: table.described(name) for name in table.answers}},
        "views": views,
        "part": table.part.name if table.part else None,
        "is_fitted": table.fitted is not None,
    }
    (folder / TABLE_FILE).write_text(_as_json(content), encoding="utf-8")
    pq.write_table(table.index.frame.rechunk().to_arrow(), folder / INDEX_FILE, compression="zstd")
    if table.part is not None:
        table.part.split.save(folder / SPLIT_FILE)
    if table.fitted is not None:
        table.fitted.save(folder / FITTED_FOLDER)


def _write_answer(answer: Answer, folder: Path) -> dict[str, Any]:
    """Write the arrays of a view's answer, and give the rest."""
    folder.mkdir(parents=True)
    kind = next(name for name, one in _KINDS.items() if type(answer) is one)
    words: dict[str, Any] = {"kind": kind}
    for part in fields(answer):
        held = answer.spread_reason if part.name == "reason" and isinstance(answer, Aligned) else getattr(answer, part.name)
        if isinstance(held, Codes):
            np.save(folder / _CODES_FILE, held.concept_ids, allow_pickle=False)
        elif part.name in _WORDS:
            words[part.name] = {"rule": held.rule, "fraction": held.fraction} if isinstance(held, Presence) else held if isinstance(held, str) else list(held)
        elif part.init and held is not None:
            np.save(folder / f"{part.name}.npy", _unspread(held), allow_pickle=False)
    return words


def _answer(folder: Path, words: Mapping[str, Any]) -> Answer:
    """Read the answer of a view."""
    parts: dict[str, Any] = {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in folder.glob("*.npy")}
    for name in _WORDS:
        if name in words:
            held = words[name]
            parts[name] = Presence(held["rule"], held["fraction"]) if name == "presence" else tuple(held) if isinstance(held, list) else held
    if "vocabulary" in parts and isinstance(parts["vocabulary"], np.ndarray):
        parts["vocabulary"] = Codes(parts["vocabulary"])
    answer: Answer = _KINDS[words["kind"]](**parts)
    return answer


def _unspread(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give an array as it is saved: a column that was spread over the features once."""
    is_spread = array.ndim == 2 and array.shape[1] and array.strides[1] == 0  # noqa: PLR2004 - rows and features
    return np.ascontiguousarray(array[:, :1] if is_spread else array)


def _check_same(target: Path, name: str) -> None:
    """Fail unless a folder is the snapshot of this id."""
    if check_snapshot(target).id != name:
        raise SnapshotError(target, expected="a new folder", got="another snapshot", todo="Choose another name: a snapshot is never replaced.")


def _hashed(folder: Path) -> dict[str, dict[str, Any]]:
    """Give size and SHA-256 of each file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in files}


def _id_of(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Give the id of a snapshot of these files."""
    lines = sorted(f"{name}\0{entry['bytes']}\0{entry['sha256']}" for name, entry in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _as_json(content: Any) -> str:  # noqa: ANN401 - what JSON holds
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False)


def _flush(path: Path) -> None:
    """Have a file's or a folder's content on the disk before its name is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
