"""The rules of a snapshot as a whole: its files, its views, its split, what was fitted, whom it is of."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from plait.hashing import sha256_of
from plait.schema.snapshots import FITTED_FOLDER, INDEX_FILE, MANIFEST_FILE, SNAPSHOT_FORMAT, SPLIT_FILE, TABLE_FILE, VIEWS_FOLDER
from plait.validators.snapshots.reading import fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from plait.validators.snapshots.reading import Snapshot, View

    Ints = npt.NDArray[np.int64]

TRAIN = "train"
"""The part of a split that is learnt from."""


def files(snapshot: Snapshot) -> tuple[list[tuple[str, str]], int]:
    """Give the files that are not as the manifest says, with what is wrong, and how many there are: those of the manifest and those in the folder."""
    manifest = snapshot.manifest
    listed = manifest.get("files") if manifest is not None else None
    if manifest is None or not isinstance(listed, dict):
        return [(MANIFEST_FILE, "no manifest that can be read")], 1
    wrong = []
    if manifest.get("format") != SNAPSHOT_FORMAT:
        wrong.append((MANIFEST_FILE, "another format"))
    lines = sorted(f"{name}\0{entry.get('bytes')}\0{entry.get('sha256')}" for name, entry in listed.items())
    if manifest.get("id") != hashlib.sha256("\n".join(lines).encode()).hexdigest():
        wrong.append((MANIFEST_FILE, "another id than its files give"))
    found = {file.relative_to(snapshot.path).as_posix() for file in snapshot.path.rglob("*") if not file.is_dir() or file.is_symlink()} - {MANIFEST_FILE}
    wrong += [(name, "missing" if name in listed else "not in the manifest") for name in sorted(found.symmetric_difference(listed))]
    wrong += [(name, "other bytes") for name in sorted(found & set(listed)) if sha256_of(snapshot.path / name) != listed[name].get("sha256")]
    return wrong, 1 + len(found | set(listed))


def parts(snapshot: Snapshot) -> tuple[list[tuple[str, str]], int]:
    """Give the parts that are missing or cannot be read, and how many there should be."""
    table = snapshot.table
    if table is None:
        return [(TABLE_FILE, "missing, or no JSON")], 1
    needed: list[tuple[str, bool]] = [(TABLE_FILE, True), (INDEX_FILE, snapshot.index is not None)]
    needed += [(SPLIT_FILE, snapshot.split is not None)] if table.get("part") is not None else []
    needed += [(f"{FITTED_FOLDER}/fitted.json", snapshot.fitted is not None)] if table.get("is_fitted") else []
    gone = [(f"{VIEWS_FOLDER}/{view.name}/{name}.npy", "missing, or no array") for view in snapshot.views for name in view.missing]
    wrong = [(name, "missing, or cannot be read") for name, is_there in needed if not is_there]
    return wrong + gone, len(needed) + sum(len(view.arrays) + len(view.missing) for view in snapshot.views)


def rows(snapshot: Snapshot) -> tuple[list[tuple[str, str]], int]:
    """Give the views that do not have as many rows as the index, or whose arrays do not fit each other."""
    if snapshot.index is None:
        return [], 0
    whole = [view for view in snapshot.views if not view.missing]
    return [(view.name, "arrays that are not of the index's rows") for view in whole if not fits(view, snapshot.index.height)], len(whole)


def columns(snapshot: Snapshot) -> tuple[list[tuple[str, str]], int]:
    """Give the views whose columns are not those that they name, or not in their order."""
    whole = [view for view in snapshot.views if not view.missing]
    return [(view.name, problem) for view in whole if (problem := _columns_problem(snapshot, view)) is not None], len(whole)


def _columns_problem(snapshot: Snapshot, view: View) -> str | None:
    """Say what is wrong with a view's columns, None where nothing is."""
    names, arrays = view.names, view.arrays
    if view.kind == "ragged":
        ids = np.asarray(view.vocabulary if isinstance(view.vocabulary, np.ndarray) else [])
        is_ordered = len(set(view.vocabulary)) == len(view.vocabulary) if not len(ids) else bool((np.diff(ids) > 0).all())
        return None if is_ordered else "codes that are not in order, or there twice"
    if len(set(names)) != len(names):
        return "a name twice"
    if view.kinds and len(view.kinds) != len(names):
        return "as many kinds as columns are not there"
    if view.kind == "sparse":
        return None if len(arrays["group_of"]) == len(names) and _ascends(view) else "entries that are not in the order of the columns"
    if arrays["values"].shape[-1] != len(names):
        return "another number of columns than names"
    expected = _encoded_names(snapshot, view)
    return None if expected is None or names == expected else "columns that are not in the order of the encoder's"


def _ascends(view: View) -> bool:
    """Say whether the entries of each row of a sparse view ascend."""
    if not fits(view, len(view.arrays["silence"])):
        return True  # said by another check
    of, row = np.asarray(view.arrays["features"]), view.rows_of_entries
    return bool(((np.diff(of) > 0) | (np.diff(row) > 0)).all())


def _encoded_names(snapshot: Snapshot, view: View) -> tuple[str, ...] | None:
    """Give the columns that an encoder's view has where no recipe made others: the names that the encoder gives, or numbers; None of other views."""
    said = (snapshot.lineage.get("views") or {}).get(view.name) or {}
    encoder = said.get("encoder")
    if not isinstance(encoder, dict) or "dim" not in encoder or snapshot.recipe(view.name) or (said.get("options") or {}).get("reduce") == "count":
        return None
    named = (encoder.get("preprocessing") or {}).get("features") or []
    return tuple(one["name"] for one in named) or tuple(str(place) for place in range(int(encoder["dim"])))


def split_persons(snapshot: Snapshot) -> tuple[list[tuple[int, str]], int] | str:
    """Give persons who are in two parts of the split, or in the rows though they are not of their part."""
    said, part, index = snapshot.split, snapshot.part, snapshot.index
    if said is None or part is None:
        return "it is no part of a split"
    by_part = _persons_of(said)
    wrong = [(int(person), f"in {one} and in {other}") for one, other in combinations(by_part, 2) for person in np.intersect1d(by_part[one], by_part[other])]
    if index is not None:
        strangers = np.setdiff1d(snapshot.persons, by_part.get(part, np.empty(0, np.int64)))
        wrong += [(int(person), f"has rows here, and is not in {part}") for person in strangers]
        wrong += [(int(person), "has rows of the time of another part") for person in np.unique(snapshot.persons[_of_another_time(snapshot)])]
    everyone = np.unique(np.concatenate([np.empty(0, np.int64), *by_part.values(), *([snapshot.persons] if index is not None else [])]))
    return wrong, len(everyone)


def _of_another_time(snapshot: Snapshot) -> npt.NDArray[np.bool_]:
    """Say which rows lie in another span than that of their part, where the split was made by time."""
    said = snapshot.split or {}
    cuts, names = (said.get("rule") or {}).get("cuts_us"), list(_persons_of(said))
    if cuts is None or snapshot.part not in names:
        return np.zeros(len(snapshot.persons), np.bool_)
    other: npt.NDArray[np.bool_] = np.searchsorted(cuts, snapshot.at, side="right") != names.index(snapshot.part)
    return other


def split_sites(snapshot: Snapshot) -> tuple[list[tuple[str, str]], int] | str:
    """Give sites that are in two parts of a split which keeps them whole, or in rows of another part."""
    rule = (snapshot.split or {}).get("rule") or {}
    if rule.get("kind") != "site":
        return "its split does not keep sites whole"
    by_part: dict[str, list[str]] = rule.get("sites") or {}
    counted = Counter(site for sites in by_part.values() for site in set(sites))
    wrong = [(site, "in several parts") for site, parts in sorted(counted.items()) if parts > 1]
    column, index = rule.get("column"), snapshot.index
    if index is not None and column in index.columns:
        here = {str(site) for site in index[column].unique().to_list()}
        others = {site for name, sites in by_part.items() if name != snapshot.part for site in sites}
        wrong += [(site, f"has rows here, and is not in {snapshot.part}") for site in sorted(here & others)]
    return wrong, len(counted)


def _persons_of(split: dict[str, Any]) -> dict[str, Ints]:
    """Give the persons of each part of a split, training first."""
    said = split.get("parts") or {}
    return {name: np.asarray(said[name], np.int64) for name in (TRAIN, "valid", "test") if name in said}


def fitted_rows(snapshot: Snapshot, others: Sequence[Snapshot]) -> tuple[list[tuple[str, str]], int] | str:
    """Say whether what was fitted was fitted on training rows: the hash that it keeps is that of the rows of a training part as the query gave them.

    These rows are looked for in the snapshot itself and in others of the study. Persons that were fitted on are looked at where they are kept.
    """
    if not (snapshot.table or {}).get("is_fitted"):
        return "nothing was fitted"
    said, split = snapshot.fitted or {}, snapshot.split
    if split is None:
        return [("fitted", "fitted, and no part of a split")], 1
    persons = said.get("persons")
    if persons is not None:
        of_others = np.setdiff1d(np.asarray(persons, np.int64), _persons_of(split).get(TRAIN, np.empty(0, np.int64)))
        if len(of_others):
            return [("fitted", f"fitted on {len(of_others)} persons who are not in {TRAIN}")], 1
    alike = [] if said.get("forgotten") or (split.get("rule") or {}).get("forgotten") else [snapshot, *others]  # rows of the forgotten are not to be had
    trained = [one for one in alike if one.part == TRAIN and (one.split or {}).get("sha256") == split.get("sha256") and _is_as_asked(one)]
    same = [one for one in trained if {view.name for view in one.views} == {view.name for view in snapshot.views}]
    if any(hash_of_rows(one) == said.get("rows_sha256") for one in same):
        return [], 1
    if same:
        return [("fitted", "fitted on other rows than those of the training part")], 1
    return ([], 1) if persons is not None else "there is no snapshot of the training rows to compare with"


def _is_as_asked(snapshot: Snapshot) -> bool:
    """Say whether the values that were observed are those of the query: nothing was applied but what fills holes."""
    return all(not snapshot.recipe(view.name) for view in snapshot.views) and len(snapshot.whole_views) == len(snapshot.views)


def hash_of_rows(snapshot: Snapshot) -> str:
    """Give the hash of a part's rows that what is fitted keeps of its training rows: the split, whose and when they are, values and reasons."""
    total = hashlib.sha256(str((snapshot.split or {}).get("sha256")).encode())
    total.update(snapshot.persons.tobytes())
    total.update(snapshot.at.tobytes())
    for view in snapshot.views:
        if view.kind == "ragged":
            continue
        total.update(view.name.encode())
        for values, _ in _as_asked(view):
            total.update(np.ascontiguousarray(values, np.float32).tobytes())
        for _, codes in _as_asked(view):
            total.update(np.ascontiguousarray(codes, np.uint8).tobytes())
    return total.hexdigest()


def _as_asked(view: View) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]]:
    """Give the values of a view as the query gave them, NaN where nothing was observed, and their reasons, some rows at a time."""
    if view.kind == "aligned":
        for _, (values, codes, filled) in view.blocks("values", "reason", "filled"):
            yield np.where(filled, np.float32(np.nan), values), codes
        return
    arrays = view.arrays
    step = max((1 << 22) // max(len(view.names), 1), 1)
    for first in range(0, view.rows, step):
        last = min(first + step, view.rows)
        codes = np.asarray(arrays["silence"][first:last])[:, arrays["group_of"]]
        values = np.where(codes == 0, np.float32(0), np.float32(np.nan))
        here = slice(int(arrays["starts"][first]), int(arrays["starts"][last]))
        at = view.rows_of_entries[here] - first, np.asarray(arrays["features"][here])
        values[at], codes[at] = arrays["entries"][here], arrays["codes"][here]
        yield values, codes


def split_digest(split: dict[str, Any]) -> str:
    """Give the digest of a split, over its rule and its persons."""
    return hashlib.sha256(json.dumps({"rule": split.get("rule"), "parts": split.get("parts")}, sort_keys=True).encode()).hexdigest()
