"""`plait validate`: a study, or any CDM, against the checks of whatever examines it."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.duck import filled, parquet, sql, write_parquet
from plait.errors import ConfigError, StudyError
from plait.etl.catalog import build_catalog, cdm_files, open_catalog, rows_of_tables, validations_folder
from plait.etl.commit import locked, writing
from plait.etl.resources import size_mib
from plait.schema import cdm_tables
from plait.validators.cdm import CdmExaminer, columns_of
from plait.validators.examiner import Examined, Held
from plait.validators.expectations.options import Options
from plait.validators.foreign import is_postgres, name_of, open_cdm, parquet_files, source_of, sqlalchemy_url, version_of
from plait.validators.report import Validated, as_row
from plait.validators.suite import Check, adjusted, checks_of, select, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeGuard

    import duckdb

    from plait.etl.commit import Version
    from plait.progress import Progress
    from plait.settings import Settings, ValidationSettings
    from plait.validators.examiner import Examiner
    from plait.validators.expectations.examiner import ExpectationsExaminer
    from plait.validators.judge import Result

CDM_VERSION = "5.4"
"""The version of a study's CDM."""

_AS_INSTALLED = Options()
"""Great Expectations where it is installed."""


def _of_the_cdm(examined: Examined) -> CdmExaminer:
    """Give what examines a study's CDM."""
    having = rows_of_tables(examined.con, examined.study, examined.version)
    every: dict[str, list[Path]] = {table: [] for table in cdm_tables()}
    files = every | {table: of for table, of in cdm_files(examined.study, examined.version).items() if table in having}
    return CdmExaminer(examined.con, CDM_VERSION, examined.today, has_lineage=True, files=files)


def examiners_of(examined: Examined) -> tuple[Examiner, ...]:
    """Give what examines a study, in the order in which a report tells of it."""
    from plait.validators.embeddings.examiner import EmbeddingExaminer
    from plait.validators.snapshots.examiner import SnapshotExaminer
    from plait.validators.sources import SourcesExaminer

    return (
        _of_the_cdm(examined),
        SourcesExaminer(examined),
        EmbeddingExaminer(examined),
        SnapshotExaminer(examined),
    )


def _all_of(examined: Examined, options: Options, *, keep: bool = False) -> tuple[Examiner, ...]:
    """Give what examines a study, and Great Expectations after it, whose project is kept where all checks are made."""
    from plait.validators.expectations.examiner import ExpectationsExaminer
    from plait.validators.expectations.suites import FOLDER

    project = options.docs or (examined.study / "reports" / FOLDER if keep else None)
    folder = options.folder or examined.study / FOLDER
    run = f"version {examined.version.version}"
    expectations = ExpectationsExaminer(examined.con, examined.settings.study, options, folder, project, run, has_lineage=True)
    return (*examiners_of(examined), expectations)


def _all_of_cdm(cdm: CdmExaminer, path: Path | str, options: Options) -> tuple[Examiner, ...]:
    """Give what examines a CDM that is no study's, and Great Expectations after it; suites run where it stands, in PostgreSQL if that is there."""
    from plait.validators.expectations.examiner import ExpectationsExaminer

    url, schema = sqlalchemy_url(str(path)) if options.folder and is_postgres(path) else (None, "cdm")
    return (cdm, ExpectationsExaminer(cdm.con, name_of(path), options, options.folder, options.docs, url=url, schema=schema))


def validate_study(  # noqa: PLR0913 - as many as the command has options
    study: Path,
    version: Version,
    settings: Settings,
    *,
    chosen: Sequence[str] = (),
    today: dt.date | None = None,
    threads: int | None = None,
    memory: str | None = None,
    held: Held | None = None,
    options: Options = _AS_INSTALLED,
    progress: Progress,
) -> Validated:
    """Check a version of a study, and keep what was found in `plait.checks`.

    Args:
        study: The study's folder.
        version: The version that is checked.
        settings: Say which checks are left out, and which thresholds and severities are the study's own.
        chosen: Checks to make, by id, type, table or suite, with `*` for what varies; all if empty. Only all are kept.
        today: The date that checks compare with; the day it is if None.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit, half of the machine if None.
        held: What is checked beside the CDM; without it, embedding tables are not. Snapshots in it are checked alone where no check is chosen.
        options: What is asked of Great Expectations.
        progress: Hears of tables that were scanned.

    Raises:
        ConfigError: A check that is named is none, or a file with a suite is none.
        StudyError: Another validation is under way.
    """
    chosen = _chosen(study, chosen, held)
    opened = _opened(study, version, settings, today, threads=threads, memory=memory, held=held)
    with locked(study, validations_folder(study)), opened as examined:
        examination = _Examination(_all_of(examined, options, keep=not chosen), settings.validation, chosen)
        found = examination.make(examined.con, settings.study, CDM_VERSION, examined.today, progress, version=version.version)
        if not chosen and found.results:
            _keep(examined.con, study, version, found)
    if not chosen:
        with suppress(StudyError), writing(study):  # a run does it at its end
            build_catalog(study, version)
    return found


def validate_leaving(
    con: duckdb.DuckDBPyConnection, study: Path, version: Version, settings: Settings, *, severity: str | None, progress: Progress
) -> Validated:
    """Check the CDM of a version that is about to leave, and nothing else of the study; nothing is kept.

    Args:
        con: A connection with the version, which has its own threads and memory.
        study: The study's folder.
        version: The version that is checked.
        settings: As in `validate_study`; what they say of checks of others is only looked at where it fits none of the CDM's.
        severity: Make the checks of this severity alone, as the settings have it; all if None.
        progress: Hears of tables that were scanned.

    Raises:
        ConfigError: A check that the settings name is none.
    """
    _show_profile_before(con, study, version)
    examined = Examined(study, version, settings, con, _today(), Held())
    others = partial(_all_of, examined, _AS_INSTALLED)
    examination = _Examination((_of_the_cdm(examined),), settings.validation, (), severity, others=others)
    return examination.make(con, settings.study, CDM_VERSION, examined.today, progress, version=version.version)


def validate_cdm(
    path: Path | str,
    *,
    cdm_version: str | None = None,
    chosen: Sequence[str] = (),
    today: dt.date | None = None,
    threads: int | None = None,
    memory: str | None = None,
    options: Options = _AS_INSTALLED,
    progress: Progress,
) -> Validated:
    """Check a CDM that is no study's; nothing is kept. The arguments are those of `validate_study`, and of `plait.validators.foreign.open_cdm`.

    Raises:
        ConfigError: No CDM is there, or there are no checks for its version.
        InputFileError: A file cannot be read.
    """
    limit = None if memory is None else f"{size_mib(memory)}MiB"
    with TemporaryDirectory(prefix="plait-") as spill, open_cdm(path, threads=threads, memory=limit, spill=Path(spill)) as con:
        likely, notes = version_of(con, columns_of(con))
        version, day = cdm_version or likely, today or _today()
        examination = _Examination(_all_of_cdm(CdmExaminer(con, version, day, has_lineage=False, files=parquet_files(path)), path, options), None, chosen)
        return examination.make(con, name_of(path), version, day, progress, notes=() if cdm_version else tuple(notes))


def offending_rows(
    study: Path,
    version: Version,
    settings: Settings,
    name: str,
    *,
    today: dt.date | None = None,
    limit: int | None = None,
    held: Held | None = None,
    options: Options = _AS_INSTALLED,
) -> dict[str, Any]:
    """Give the rows that offend a check, with the source records behind each.

    Args:
        study: The study's folder.
        version: The version.
        settings: Say which checks there are.
        name: The check's id.
        today: The date that it compares with; the day it is if None.
        limit: The most rows to give; all if None.
        held: What is checked beside the CDM.
        options: What is asked of Great Expectations.

    Returns:
        `check`, `about`, `query`, `columns`, and `rows`: each has `row`, its values by column, and `records`: `source`, `file`, `record`, `role`.

    Raises:
        ConfigError: No such check, or one that is about no rows.
    """
    with _opened(study, version, settings, today, held=held) as examined:
        return _Examination(_all_of(examined, options), settings.validation, [name]).list_offending(name, limit)


def offending_rows_of(
    path: Path | str,
    name: str,
    *,
    cdm_version: str | None = None,
    today: dt.date | None = None,
    limit: int | None = None,
    options: Options = _AS_INSTALLED,
) -> dict[str, Any]:
    """Give the rows of a CDM that is no study's that offend a check, as `offending_rows` does; nothing is known of records."""
    with open_cdm(path) as con:
        version = cdm_version or version_of(con, columns_of(con))[0]
        examiners = _all_of_cdm(CdmExaminer(con, version, today or _today(), has_lineage=False), path, options)
        return _Examination(examiners, None, [name]).list_offending(name, limit)


def checks_of_study(
    study: Path, version: Version, settings: Settings, patterns: Sequence[str], *, held: Held | None = None, options: Options = _AS_INSTALLED
) -> list[dict[str, Any]]:
    """Give the checks of a study as rows: `check`, `severity`, `threshold` (percent) and `about`.

    Raises:
        ConfigError: A pattern fits no check.
    """
    with _opened(study, version, settings, None, held=held) as examined:
        return [_as_listed(check) for check in _Examination(_all_of(examined, options), settings.validation, _chosen(study, patterns, held)).checks]


def _chosen(study: Path, chosen: Sequence[str], held: Held | None) -> Sequence[str]:
    """Give the checks that are chosen: where none is, those of the snapshots that were named."""
    if chosen:
        return chosen
    from plait.validators.snapshots.examiner import names_of

    return names_of(study, (held or Held()).snapshots)


def checks_of_cdm(patterns: Sequence[str], version: str | None) -> list[dict[str, Any]]:
    """Give the checks of a CDM that is no study's, as `checks_of_study` does; of 5.4 where no version is named."""
    checks = checks_of(version or CDM_VERSION)
    return [_as_listed(check) for check in (select(checks, patterns, where="CHECK") if patterns else checks)]


def _as_listed(check: Check) -> dict[str, Any]:
    return {"check": check.id, "severity": check.severity, "threshold": check.threshold, "about": check.about}


def _changed(checks: Sequence[Check], settings: ValidationSettings, others: Callable[[], Sequence[Examiner]] | None) -> tuple[Check, ...]:
    """Give checks as settings change them, which may be of others."""
    try:
        return adjusted(checks, settings)
    except ConfigError:
        if others is None:
            raise
        adjusted([check for examiner in others() for check in examiner.checks()], settings)
        return tuple(changed for check in checks if (changed := settled(check, settings)) is not None)


def _comes_last(examiner: Examiner) -> TypeGuard[ExpectationsExaminer]:
    """Tell whether something examines what others found, too."""
    return hasattr(examiner, "examine_after")


class _Examination:
    """The checks that are asked for, each with what makes it.

    Args:
        examiners: What makes checks.
        settings: What changes them.
        chosen: Which are asked for, all if empty.
        severity: The severity that is asked for, any if None.
        others: Gives everything that makes checks, where `examiners` is a part: what the settings change may be of these.

    Attributes:
        checks: The checks, as the settings change them.
    """

    def __init__(
        self,
        examiners: Sequence[Examiner],
        settings: ValidationSettings | None,
        chosen: Sequence[str],
        severity: str | None = None,
        *,
        others: Callable[[], Sequence[Examiner]] | None = None,
    ) -> None:
        self._by_examiner: list[tuple[Examiner, list[Check]]] = []
        offered = [(examiner, examiner.checks()) for examiner in examiners]
        checks = tuple(check for _, those in offered for check in those)
        checks = _changed(checks, settings, others) if settings is not None else checks
        checks = tuple(select(checks, chosen, where="CHECK")) if chosen else checks
        self.checks = checks if severity is None else tuple(check for check in checks if check.severity == severity)
        for examiner, those in offered:
            ids = {check.id for check in those}
            self._by_examiner.append((examiner, [check for check in self.checks if check.id in ids]))

    def make(
        self,
        con: duckdb.DuckDBPyConnection,
        name: str,
        cdm_version: str,
        today: dt.date,
        progress: Progress,
        *,
        version: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> Validated:
        """Make the checks, and give everything that a report tells."""
        started, begin = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0), time.perf_counter()
        results: list[Result] = []
        for examiner, checks in self._by_examiner:
            if _comes_last(examiner):
                results += examiner.examine_after(tuple(results), checks, progress)
            elif checks:
                results += examiner.examine(checks, progress)
        expectations = [examiner for examiner, _ in self._by_examiner if _comes_last(examiner)]
        cdm, of_cdm = next(((examiner, checks) for examiner, checks in self._by_examiner if isinstance(examiner, CdmExaminer)), (None, []))
        return Validated(
            name=name,
            cdm_version=cdm_version,
            version=version,
            today=today,
            started_at=started,
            seconds=time.perf_counter() - begin,
            results=tuple(results),
            notes=notes + tuple(note for one in expectations for note in one.notes()),
            data_docs=next((one.data_docs for one in expectations), None),
            source=source_of(con, cdm.columns if cdm else {}),
            queries=cdm.queries(of_cdm) if cdm else {},
        )

    def list_offending(self, name: str, limit: int | None) -> dict[str, Any]:
        """Give what offends the one check that there must be."""
        if len(self.checks) != 1:
            first = ", ".join(check.id for check in self.checks[:3])
            got = f"'{name}', which fits {len(self.checks)}"
            raise ConfigError("CHECK", expected="the id of one check", got=got, todo=f"Name one: {first}, …" if first else "`plait validate --list` shows all.")
        examiner = next(examiner for examiner, checks in self._by_examiner if checks)
        return examiner.offending(self.checks[0], limit).as_dict(self.checks[0])


@contextmanager
def _opened(
    study: Path,
    version: Version,
    settings: Settings,
    today: dt.date | None,
    *,
    threads: int | None = None,
    memory: str | None = None,
    held: Held | None = None,
) -> Iterator[Examined]:
    """Give a version to examine, with the values of the version that was examined before it."""
    limit = None if memory is None else f"{size_mib(memory)}MiB"
    with open_catalog(study, version, threads=threads, memory=limit, spill=validations_folder(study)) as con:
        _show_profile_before(con, study, version)
        yield Examined(study, version, settings, con, today or _today(), held or Held())


def _keep(con: duckdb.DuckDBPyConnection, study: Path, version: Version, found: Validated) -> None:
    """Write what was found to a file of its own in the books."""
    import pyarrow as pa

    rows = [as_row(result) for result in found.results]
    kinds = {"violated": pa.int64(), "denominator": pa.int64(), "percent": pa.float64(), "threshold": pa.float64()}
    con.register("found", pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])))
    at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    query = filled(sql("plait.validators", "history"), {"checked_at": at, "version": version.version, "today": found.today})
    write_parquet(con, query, validations_folder(study) / f"{version.version:06}-{at:%Y%m%dT%H%M%S%f}.parquet")
    con.unregister("found")
    write_parquet(con, sql("plait.validators", "value_profile"), _profile(study, version.version))


def _profile(study: Path, version: int) -> Path:
    """Give the file with what the values of a version's measurements are like."""
    return validations_folder(study) / "values" / f"{version:06}.parquet"


def _show_profile_before(con: duckdb.DuckDBPyConnection, study: Path, version: Version) -> None:
    """Make the view `plait.value_profile` of the last version that was validated before this one, where there is one."""
    before = [file for file in sorted(_profile(study, 0).parent.glob("*.parquet")) if int(file.stem) < version.version]
    if before:
        con.execute(f"CREATE OR REPLACE VIEW plait.value_profile AS FROM {parquet(before[-1])}")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
