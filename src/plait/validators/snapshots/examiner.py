"""Snapshots, examined: a folder each below `snapshots/` of the study, or one that is named."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError, PlaitError
from plait.etl.catalog import open_catalog
from plait.etl.commit import read_version, versions
from plait.schema.snapshots import MANIFEST_FILE
from plait.validators.counted import Counted, Figure, judged
from plait.validators.examiner import Examined, Listed
from plait.validators.judge import Result
from plait.validators.snapshots import wholes
from plait.validators.snapshots.arrays import RULES
from plait.validators.snapshots.asked import FUTURE, OTHER
from plait.validators.snapshots.labels import leaks
from plait.validators.snapshots.reading import Snapshot
from plait.validators.snapshots.recomputed import Sample, recompute
from plait.validators.suite import Check, checks_about

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from plait.progress import Progress

SUITE = "snapshots"
SNAPSHOTS_FOLDER = "snapshots"
"""Folder of a study that its snapshots lie in."""

_LISTED = {
    "snapshotManifest": (wholes.files, ("file", "problem")),
    "snapshotParts": (wholes.parts, ("file", "problem")),
    "snapshotRows": (wholes.rows, ("view", "problem")),
    "snapshotColumns": (wholes.columns, ("view", "problem")),
    "snapshotSplit": (wholes.split_persons, ("person_id", "problem")),
    "snapshotSites": (wholes.split_sites, ("site", "problem")),
}
"""The checks of a snapshot as a whole: what gives what is wrong, of how many, and the names of what it gives."""

_WHERE = ("view", "row", "person_id", "prediction_time", "feature")


def snapshots_of(study: Path) -> dict[str, Path]:
    """Give the snapshots below the study's folder for them, by the name that checks have for each: a folder with a manifest, or one without any below."""
    root = study / SNAPSHOTS_FOLDER
    found = {file.parent for file in root.rglob(MANIFEST_FILE) if not any(part.startswith(".") for part in file.relative_to(root).parts)}
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if folder.is_dir() and not folder.name.startswith(".") and not any(one.is_relative_to(folder) for one in found):
            found.add(folder)
    return {f"{SUITE}.{path.relative_to(root).as_posix()}": path for path in sorted(found)}


def named(study: Path, elsewhere: Sequence[Path]) -> dict[str, Path]:
    """Give the snapshots of a study and others, by the name that checks have for each: of another, its folder's, with those above it where it is taken.

    Raises:
        ConfigError: One that is named is no folder.
    """
    found = snapshots_of(study)
    for path in elsewhere:
        if not path.is_dir():
            raise ConfigError(path, expected="a snapshot", got="no such folder", todo="Name the folder that `save` wrote.")
        whole = path.resolve()
        if any(one.resolve() == whole for one in found.values()):
            continue
        names = ["/".join(whole.parts[-length:]) for length in range(1, len(whole.parts) + 1)]
        found[next(name for name in (f"{SUITE}.{one}" for one in names) if name not in found)] = path
    return found


def names_of(study: Path, elsewhere: Sequence[Path]) -> tuple[str, ...]:
    """Give the names that checks have for snapshots that are named."""
    wanted = {path.resolve() for path in elsewhere}
    return tuple(name for name, path in named(study, elsewhere).items() if path.resolve() in wanted)


class SnapshotExaminer:
    """Examines the snapshots of a study.

    Args:
        examined: The version of the study.
    """

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        self._samples: dict[str, Sample | str] = {}

    @cached_property
    def _snapshots(self) -> dict[str, Snapshot]:
        found = named(self._examined.study, self._examined.held.snapshots)
        return {name: Snapshot(path, name) for name, path in found.items()}

    def checks(self) -> tuple[Check, ...]:
        """Give every check of each snapshot."""
        return tuple(check for name in self._snapshots for check in checks_about(SUITE, name))

    def examine(self, checks: Sequence[Check], progress: Progress) -> list[Result]:
        """Make these checks."""
        results, last = [], ""
        for check in checks:
            if check.table != last:
                progress(f"checking {check.table}", 0)
                last = check.table
            results.append(self._result(check))
        return results

    def query(self, check: Check) -> str | None:  # noqa: ARG002 - as every examiner has it
        """Give None: no SELECT counts these."""
        return None

    def offending(self, check: Check, limit: int | None) -> Listed:
        """Give what offends a check: files, views, persons, sites, features, or values with their row, person, moment and feature."""
        columns, rows, found = self._found(check)
        if isinstance(found, str):
            raise ConfigError(check.id, expected="a snapshot that can answer the check", got=found, todo=f"See `plait validate {check.table}`.")
        return Listed(columns, tuple(rows if limit is None else rows[:limit]))

    def _result(self, check: Check) -> Result:
        """Give the result of a check; of a snapshot whose words and arrays do not fit each other, that it cannot be answered."""
        try:
            return judged(check, self._found(check)[2])
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
            return Result(check, None, None, "ERROR", f"what it says of itself does not fit its arrays ({type(error).__name__})")

    def _found(self, check: Check) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:
        """Give the columns and the rows of what offends a check, and its figure."""
        snapshot, name = self._snapshots[check.table], check.type.name
        if name != "snapshotManifest" and snapshot.table is None and name != "snapshotParts":
            return (), [], "there is no table.json that can be read"
        if name in _LISTED:
            of, columns = _LISTED[name]
            listed = of(snapshot)
            return (columns, [], listed) if isinstance(listed, str) else (columns, list(listed[0]), Counted(len(listed[0]), listed[1]))
        if snapshot.index is None:
            return (), [], "there are no index rows that can be read"
        if name in RULES:
            return self._values(snapshot, name)
        if name in {FUTURE, OTHER}:
            return self._recomputed(snapshot, name)
        return getattr(self, f"_{name}")(snapshot)  # type: ignore[no-any-return]  # the methods below, which all give the same

    def _values(self, snapshot: Snapshot, name: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:
        """Count values that offend a rule of values."""
        wrong, of, listed = 0, 0, []
        for view in snapshot.whole_views:
            for offence in RULES[name](snapshot, view):
                wrong += len(offence.rows)
                of += offence.of
                for row, feature in zip(offence.rows[:_MOST].tolist(), offence.features[:_MOST].tolist(), strict=True):
                    listed.append(self._where(snapshot, view.name, row, _feature(view.names, feature)))
        return _WHERE, listed, Counted(wrong, of)

    def _recomputed(self, snapshot: Snapshot, name: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:
        """Count values of the sample that are not what the CDM gives."""
        sample = self._sample(snapshot)
        if isinstance(sample, str):
            return (), [], sample
        listed = [(*self._where(snapshot, one.view, one.row, one.feature), one.problem) for one in sample.differences if one.check == name]
        figure: Figure = Counted(len(listed), max(sample.compared, len(listed))) if sample.views else "nothing of its views can be restated from the CDM"
        return (*_WHERE, "problem"), listed, figure

    def _snapshotLabels(self, snapshot: Snapshot) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:  # noqa: N802 - the check's name
        found = leaks(snapshot)
        if isinstance(found, str):
            return (), [], found
        return ("view", "feature", "label", "shown_by"), list(found[0]), Counted(len({one[:2] for one in found[0]}), found[1])

    def _snapshotFitted(self, snapshot: Snapshot) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:  # noqa: N802 - the check's name
        others = [one for one in self._snapshots.values() if one.path != snapshot.path]
        found = wholes.fitted_rows(snapshot, others)
        return ((), [], found) if isinstance(found, str) else (("what", "problem"), list(found[0]), Counted(len(found[0]), found[1]))

    def _snapshotPersons(self, snapshot: Snapshot) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:  # noqa: N802 - the check's name
        with self._version(snapshot) as con:
            if isinstance(con, str):
                return (), [], con
            return self._strangers(snapshot, con)

    def _snapshotErased(self, snapshot: Snapshot) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:  # noqa: N802 - the check's name
        if (wrong := self._of_other_study(snapshot)) is not None:
            return (), [], wrong
        return self._strangers(snapshot, self._examined.con)

    def _snapshotConsent(self, snapshot: Snapshot) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:  # noqa: N802 - the check's name
        file = self._examined.settings.consent
        now = hashlib.sha256(file.read_bytes()).hexdigest() if file is not None and file.is_file() else None
        before = snapshot.lineage.get("consent_sha256")
        if now is None and before is None:
            return (), [], "the study has no consent file"
        return ("consent_then", "consent_now"), [(before, now)] if now != before else [], Counted(int(now != before), 1)

    def _strangers(self, snapshot: Snapshot, con: duckdb.DuckDBPyConnection) -> tuple[tuple[str, ...], list[tuple[Any, ...]], Figure]:
        """Count rows of persons whom a version does not know."""
        import numpy as np

        known = con.execute("SELECT person_id FROM cdm.person").fetchnumpy()["person_id"]
        rows = np.flatnonzero(~np.isin(snapshot.persons, known))
        return _WHERE[1:4], [self._where(snapshot, "", int(row), "")[1:4] for row in rows], Counted(len(rows), len(snapshot.persons))

    def _sample(self, snapshot: Snapshot) -> Sample | str:
        """Recompute the sample of a snapshot, once."""
        if snapshot.name not in self._samples:
            with self._version(snapshot) as con:
                self._samples[snapshot.name] = con if isinstance(con, str) else recompute(snapshot, con, self._examined.study)
        return self._samples[snapshot.name]

    def _of_other_study(self, snapshot: Snapshot) -> str | None:
        """Say that a snapshot is of another study, None where it is of this one."""
        study = self._examined.settings.study
        return None if snapshot.lineage.get("study") == study else "it is of another study"

    @contextmanager
    def _version(self, snapshot: Snapshot) -> Iterator[duckdb.DuckDBPyConnection | str]:
        """Give a connection to the version that a snapshot was made of; why there is none, where there is none."""
        examined, number = self._examined, snapshot.version
        if (wrong := self._of_other_study(snapshot)) is not None:
            yield wrong
            return
        if number not in versions(examined.study):
            yield f"version {number} of the study, which it was made of, is no longer there"
            return
        version = examined.version if number == examined.version.version else read_version(examined.study, number)
        if version is None or (snapshot.lineage.get("fingerprint") or version.fingerprint) != version.fingerprint:
            yield f"version {number} of the study is another one than it was made of"
        elif version is examined.version:
            yield examined.con
        else:
            try:
                con = open_catalog(examined.study, version)
            except PlaitError as error:
                yield str(error)
                return
            with con:
                yield con

    @staticmethod
    def _where(snapshot: Snapshot, view: str, row: int, feature: str) -> tuple[Any, ...]:
        """Give the place of a value, as a person reads it."""
        assert snapshot.index is not None  # noqa: S101 - for the type checker: who calls has looked
        return view, row, int(snapshot.persons[row]), str(snapshot.index["prediction_time"][row]), feature


_MOST = 10_000
"""Values of a block that are listed one by one."""


def _feature(names: tuple[str, ...], place: int) -> str:
    """Give the name of a feature; of a sequence, the event's place in it."""
    return "" if place < 0 else names[place] if place < len(names) else str(place)
