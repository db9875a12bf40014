"""What all parts of an export share: who leaves, under which key, and what is done before the first file is written and after the last one."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from plait.beside import beside
from plait.errors import ConfigError, ExportError, did_you_mean
from plait.etl.catalog import open_catalog, rows_of_tables
from plait.etl.resources import resources, size_mib
from plait.export.consent import PERSONS, find_withholding
from plait.export.deidentify import tables
from plait.export.deidentify.key import ExportKey
from plait.export.deidentify.notes import scrubbed_notes
from plait.export.disclosure.anonymity import guard
from plait.export.disclosure.audit import audit, refuse_small
from plait.export.known.identifiers import Known, gather
from plait.export.known.sieve import Sieve
from plait.export.package import need_new, new_package, write_hashes
from plait.progress import silent
from plait.schema import VOCABULARY_TABLES, cdm_tables
from plait.validators.validate import validate_leaving

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.export.deidentify.notes import ScrubbedNotes
    from plait.policy_settings import PolicySettings
    from plait.progress import Progress
    from plait.settings import Settings
    from plait.validators.report import Validated

_SPILL = ".spill"
"""Folder for what does not fit into memory while a package is written."""

_FEW = 5
"""Failed checks that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was written, as every export tells it.

    Attributes:
        path: The package.
        version: The study's version that it is of.
        persons: Persons in it.
        left_out: Persons who are not, for they withhold something.
        files: SHA-256 of each file.
        key: The name under which the study keeps the key; None where it was thrown away.
        scrubbed: What was found in notes; None where none leaves.
        unread: Sources whose files are gone: what these say of persons was not looked for.
    """

    path: Path
    version: int
    persons: int
    left_out: int
    files: Mapping[str, str]
    key: str | None
    scrubbed: ScrubbedNotes | None
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An export while it is written.

    Attributes:
        study: The study's folder.
        version: The version that it is of.
        settings: The study's settings.
        folder: Where files are written; it is put in its place when it is sealed.
        con: The version's catalogue with what `plait.export.deidentify.tables.prepare` made of the persons who leave: `pseudonym` (person_id, new_id,
            shift_days) above all.
        key: What makes new ids, shifts and names.
        kept_as: The name under which the study keeps the key; None where it is thrown away.
        persons: Number of persons who leave.
        left_out: Number of those who do not, for they withhold something.
        report: What the checks found, those of severity `error` at least.
        known: What the study knows of who somebody is.
        scrubbed: What was found in notes; None where none leaves.
        progress: Hears of rows that are written.
    """

    study: Path
    version: Version
    settings: Settings
    folder: Path
    con: duckdb.DuckDBPyConnection
    key: ExportKey
    kept_as: str | None
    persons: int
    left_out: int
    report: Validated
    known: Known
    scrubbed: ScrubbedNotes | None
    progress: Progress

    @property
    def policy(self) -> PolicySettings:
        """What the study says of what leaves it."""
        return self.settings.policy

    def seal(self, *, constants: Collection[str] = ()) -> dict[str, str]:
        """Look over what was written, write the hashes, and give the SHA-256 of each file. Nothing is written afterwards.

        Args:
            constants: Metadata of Parquet files that is plait's own, and the same in all packages.

        Raises:
            ExportError: Something identifies, or a figure is of too few or gives one away; lists the places.
        """
        from plait.export.scan import refuse, scan

        if self.scrubbed is not None:
            self.scrubbed.write(self.folder)
        allowed = (*filter(None, (self.policy.contact, self.policy.publisher)), *self.policy.creators)
        spill = self.folder / _SPILL
        written = [path for path in self.folder.rglob("*") if path != spill and spill not in path.parents]
        left = Sieve(self.con, allowed=allowed, constants=constants).left(written)
        everywhere = self.known.everywhere if left else None
        shutil.rmtree(spill, ignore_errors=True)  # nothing is asked of the engine from here on
        if spill.exists():
            raise ExportError(spill, expected="a folder that can be removed", got="one that stays", todo="Nothing was written. Name another place for it.")
        if everywhere is not None:
            refuse(scan(self.folder, everywhere, paths=left, allowed=allowed))
        refuse_small(audit(self.folder, self.policy.min_cell, self.persons), self.policy.min_cell)
        return write_hashes(self.folder)

    def left(self, path: Path, files: Mapping[str, str]) -> dict[str, Any]:
        """Give what `Left` tells of this export.

        Args:
            path: Where it stands.
            files: What `seal` gave.
        """
        return {
            "path": path,
            "version": self.version.version,
            "persons": self.persons,
            "left_out": self.left_out,
            "files": files,
            "key": self.kept_as,
            "scrubbed": self.scrubbed,
            "unread": self.known.unread,
        }


@contextmanager
def leaving(  # noqa: PLR0913 - each is a choice of the user's
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    key: str | None = None,
    zipped: bool = False,
    has_checks: bool = False,
    has_rows: bool = True,
    has_notes: bool = True,
    threads: int | None = None,
    memory: str | None = None,
    meanwhile: Callable[[duckdb.DuckDBPyConnection, Mapping[str, int]], None] | None = None,
    progress: Progress = silent,
) -> Iterator[Outgoing]:
    """Give an export to write to, once the checks have passed; it is put at `target` whole, or not at all.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says how small a cell may be, whether weekdays stay, what is withheld, and where the key is kept if `key` is None.
        target: The new folder, or the new zip file.
        key: Name of the key in `private/`; without one, a new key is made and thrown away.
        zipped: Whether it is a zip file.
        has_checks: Whether the package tells what the checks found; otherwise only those are made that could stop it.
        has_rows: Whether rows of persons are written, who are then to be as alike as the policy asks.
        has_notes: Whether notes may be among what is written, so that they are scrubbed where the policy says so.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        meanwhile: What else looks at the prepared connection, and at the number of rows of each table that has some, while the checks are made.
        progress: Hears of rows that were written.

    Raises:
        ExportError: A check of severity `error` fails, or persons are less alike than the policy asks.
        ConfigError: Something is in the target's place, or the policy withholds a table that there is not.
        StudyError: The disk is full, or the memory limit too low.
    """
    need_new(target, zipped=zipped)
    policy = settings.policy
    leaving_tables(policy)
    limit = size_mib(memory)
    severity, name = None if has_checks else "error", key or policy.key

    def checked(con: duckdb.DuckDBPyConnection) -> Validated:
        report = validate_leaving(con, study, version, settings, severity=severity, progress=progress)
        _check_sound(report, version)
        return report

    with (
        resources(target, limit, what="the package, and for what does not fit into memory", then="Nothing was written."),
        new_package(target, zipped=zipped) as folder,
        open_catalog(study, version, threads=threads, memory=f"{limit}MiB", spill=folder / _SPILL) as con,
    ):
        with beside(con) as other:
            checking, gathering = other(checked), other(partial(gather, study=study, version=version, settings=settings, spill=folder / _SPILL))
            if name is not None:
                checking.result()  # before a key is made that is kept
            secret = _key(con, study, name, keeps_weekdays=policy.keep_weekdays)
            left_out = find_withholding(con, study, version, settings)
            having = rows_of_tables(con, study, version)
            tables.prepare(con, secret, PERSONS, policy.min_cell, having)
            if meanwhile is not None:
                meanwhile(con, having)
            (persons,) = con.execute("SELECT count(*) FROM pseudonym").fetchone() or (0,)
            known = Known(con, gathering.result().unread)
            report = checking.result()
        of_notes = policy if has_notes else policy.model_copy(update={"notes": "withhold"})
        with scrubbed_notes(con, study, of_notes, known, threads=threads, progress=progress) as scrubbed:
            out = Outgoing(study, version, settings, folder, con, secret, name, persons, left_out, report, known, scrubbed, progress)
            if has_rows and (policy.k_anonymity or policy.l_diversity):
                guard(out)
            yield out


def leaving_tables(policy: PolicySettings, chosen: Collection[str] = ()) -> frozenset[str]:
    """Give the tables of the CDM, its vocabulary aside, whose rows may leave.

    Args:
        policy: Says which are withheld.
        chosen: Those that were asked for; all if empty.

    Raises:
        ConfigError: There is no such table.
        ExportError: One that was asked for is withheld.
    """
    known = tables.treatments().keys() | VOCABULARY_TABLES | cdm_tables().keys()
    for place, names in (("policy.withhold", policy.withhold), ("--table", chosen)):
        for name in names:
            if name not in known:
                raise ConfigError(place, expected="a table of the CDM", got=f"'{name}'", todo=did_you_mean(name, sorted(known), "See its names."))
    forbidden = sorted({*chosen} & policy.withheld)
    if forbidden:
        raise ExportError(
            "--table", expected="tables that may leave", got=", ".join(forbidden), todo="The policy in plait.yaml withholds them: leave them out, or change it."
        )
    return frozenset(tables.treatments().keys() & {*(chosen or known)}) - policy.withheld


def need_row_level(command: str, *, row_level: bool) -> None:
    """Fail where rows of patients were not asked for.

    Raises:
        ConfigError: They were not.
    """
    if not row_level:
        raise ConfigError(command, expected="--row-level", got="none", todo="It is rows of patients: say that they may leave the study.")


def _key(con: duckdb.DuckDBPyConnection, study: Path, name: str | None, *, keeps_weekdays: bool) -> ExportKey:
    """Give the key that the study keeps under a name; without one, a new key."""
    if name is None:
        return ExportKey.new(keeps_weekdays=keeps_weekdays)
    (highest,) = con.execute("SELECT max(person_id) FROM cdm.person").fetchone() or (None,)
    return ExportKey.kept(study, name, keeps_weekdays=keeps_weekdays, highest=highest or 0)


def _check_sound(report: Validated, version: Version) -> None:
    """Fail where a check of severity `error` does."""
    if report.is_sound:
        return
    failed = [result.check.id for result in report.failed() if result.check.severity == "error"]
    shown = ", ".join(failed[:_FEW]) + (f", and {len(failed) - _FEW} more" if len(failed) > _FEW else "")
    raise ExportError(f"version {version.version}", expected="no check of severity error that fails", got=shown, todo="See `plait validate`, and mend it.")
