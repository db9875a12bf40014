"""`plait validate`: a study, or any CDM, against the checks of its version."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plait.duck import literal, parquet, sql, write_parquet
from plait.errors import ConfigError, StudyError
from plait.etl.catalog import build_catalog, open_catalog, validations_folder
from plait.etl.commit import locked, writing
from plait.etl.resources import size_mib
from plait.schema import cdm_tables
from plait.validators.counting import Counter
from plait.validators.foreign import name_of, open_cdm, source_of, version_of
from plait.validators.judge import Result, judge
from plait.validators.plan import Unanswerable, plan, rows_query
from plait.validators.report import Validated, as_row
from plait.validators.suite import Check, checks_of, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from plait.etl.commit import Version
    from plait.etl.run import Progress
    from plait.settings import Settings, ValidationSettings

_KEYS = {"death": "person_id"}
"""Tables whose rows the lineage names by another column than an id of their own."""


def validate_study(
    study: Path,
    version: Version,
    settings: Settings,
    *,
    chosen: Sequence[str] = (),
    today: dt.date | None = None,
    threads: int | None = None,
    memory: str | None = None,
    progress: Progress,
) -> Validated:
    """Check a version of a study, and keep what was found in `plait.checks`.

    Args:
        study: The study's folder.
        version: The version that is checked.
        settings: Say which checks are left out, and which thresholds and severities are the study's own.
        chosen: Checks to make, by id, type or table, with `*` for what varies; all if empty. Only all are kept.
        today: The date that checks compare with; the day it is if None.
        threads: Threads to use, all cores if None.
        memory: DuckDB's memory limit, half of the machine if None.
        progress: Hears of tables that were scanned.

    Raises:
        ConfigError: A check that is named is none.
        StudyError: Another validation is under way.
    """
    checks = checks_of("5.4", settings.validation)
    checks = tuple(select(checks, chosen, where="CHECK")) if chosen else checks
    limit = None if memory is None else f"{size_mib(memory)}MiB"
    with locked(study, validations_folder(study)), open_catalog(study, version, threads=threads, memory=limit, spill=validations_folder(study)) as con:
        _show_profile_before(con, study, version)
        found = _validated(con, checks, settings.study, "5.4", today, (), progress, version.version)
        if not chosen:
            _keep(con, study, version, found)
    if not chosen:
        with suppress(StudyError), writing(study):  # a run does it at its end
            build_catalog(study, version)
    return found


def validate_cdm(
    path: Path | str,
    *,
    cdm_version: str | None = None,
    chosen: Sequence[str] = (),
    today: dt.date | None = None,
    threads: int | None = None,
    memory: str | None = None,
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
        checks = checks_of(cdm_version or likely)
        checks = tuple(select(checks, chosen, where="CHECK")) if chosen else checks
        return _validated(con, checks, name_of(path), cdm_version or likely, today, () if cdm_version else tuple(notes), progress, None)


def columns_of(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Give the tables of the schemas `cdm` and `plait` with their columns and DuckDB's types, in lower case; those of `plait` have it in their name."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(sql("plait.validators", "columns")).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def validate(con: duckdb.DuckDBPyConnection, checks: Sequence[Check], *, today: dt.date, progress: Progress) -> list[Result]:
    """Check the CDM in the schema `cdm` of a connection.

    Args:
        con: The connection; temporary tables are made on it.
        checks: What to check, see `plait.validators.suite.checks_of`.
        today: The date that checks compare with.
        progress: Hears of tables that were scanned.
    """
    columns = columns_of(con)
    planned = [plan(check, columns, today) for check in checks]
    found, own, facts = Counter(con, columns).count(planned, progress)
    return [judge(one, found, own, facts, columns) for one in planned]


def offending_rows(study: Path, version: Version, settings: Settings, name: str, *, today: dt.date | None = None, limit: int | None = None) -> dict[str, Any]:
    """Give the rows that offend a check, with the source records behind each.

    Args:
        study: The study's folder.
        version: The version.
        settings: Say which checks there are.
        name: The check's id.
        today: The date that it compares with; the day it is if None.
        limit: The most rows to give; all if None.

    Returns:
        `check`, `about`, `query`, `columns`, and `rows`: each has `row`, its values by column, and `records`: `source`, `file`, `record`, `role`.

    Raises:
        ConfigError: No such check, or one that is about no rows.
    """
    check = one_check(checks_of("5.4", settings.validation), name)
    with open_catalog(study, version) as con:
        _show_profile_before(con, study, version)
        listed = _listed(con, check, today or _today(), limit)
        table = cdm_tables().get(check.scan)
        key = _KEYS.get(check.scan) or (table.id_column if table else None) or ""
        ids = sorted({row["row"][key] for row in listed["rows"] if row["row"].get(key) is not None})
        behind: dict[int, list[dict[str, Any]]] = {}
        if ids:
            found = con.execute(sql("plait.validators", "row_records"), {"table": check.scan, "ids": ids}).fetchall()
            for row_id, *record in found:
                behind.setdefault(row_id, []).append(dict(zip(("source", "file", "record", "role"), record, strict=True)))
        for row in listed["rows"]:
            row["records"] = behind.get(row["row"].get(key), [])
        return listed


def offending_rows_of(path: Path | str, name: str, *, cdm_version: str | None = None, today: dt.date | None = None, limit: int | None = None) -> dict[str, Any]:
    """Give the rows of a CDM that is no study's that offend a check, as `offending_rows` does; nothing is known of records."""
    with open_cdm(path) as con:
        version = cdm_version or version_of(con, columns_of(con))[0]
        return _listed(con, one_check(checks_of(version), name), today or _today(), limit)


def listed_checks(patterns: Sequence[str], cdm_version: str, settings: ValidationSettings | None) -> list[dict[str, Any]]:
    """Give checks as rows: `check`, `severity`, `threshold` (percent) and `about`.

    Raises:
        ConfigError: A pattern fits no check, or there are no checks for the version.
    """
    checks: Sequence[Check] = checks_of(cdm_version, settings)
    checks = select(checks, patterns, where="CHECK") if patterns else checks
    return [{"check": check.id, "severity": check.severity, "threshold": check.threshold, "about": check.about} for check in checks]


def one_check(checks: Sequence[Check], name: str) -> Check:
    """Give the check of an id.

    Raises:
        ConfigError: There is none, or more than one.
    """
    found = select(checks, [name], where="CHECK")
    if len(found) > 1:
        first = ", ".join(check.id for check in found[:3])
        raise ConfigError("CHECK", expected="the id of one check", got=f"'{name}', which fits {len(found)}", todo=f"Name one: {first}, …")
    return found[0]


def _listed(con: duckdb.DuckDBPyConnection, check: Check, today: dt.date, limit: int | None) -> dict[str, Any]:
    """Give the offending rows of a check."""
    try:
        query = rows_query(check, columns_of(con), today)
    except Unanswerable as missing:
        raise ConfigError(check.id, expected="a check that this CDM can answer", got=str(missing), todo="See `plait validate`.") from None
    if query is None:
        raise ConfigError(check.id, expected="a check of rows", got="one of a table or a field", todo="See `plait validate`.")
    result = con.execute(f"SELECT * FROM ({query}) ORDER BY ALL" + (f" LIMIT {limit:d}" if limit is not None else ""))
    names = [column[0] for column in result.description or []]
    rows: list[dict[str, Any]] = [{"row": dict(zip(names, row, strict=True)), "records": []} for row in result.fetchall()]
    return {"check": check.id, "about": check.about, "query": query, "columns": names, "rows": rows}


def _validated(
    con: duckdb.DuckDBPyConnection,
    checks: Sequence[Check],
    name: str,
    cdm_version: str,
    today: dt.date | None,
    notes: tuple[str, ...],
    progress: Progress,
    version: int | None,
) -> Validated:
    """Check, and give everything that a report tells."""
    started, begin = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0), time.perf_counter()
    day = today or _today()
    results = validate(con, checks, today=day, progress=progress)
    columns = columns_of(con)
    return Validated(
        name=name,
        cdm_version=cdm_version,
        version=version,
        today=day,
        started_at=started,
        seconds=time.perf_counter() - begin,
        results=tuple(results),
        notes=notes,
        source=source_of(con, columns),
        queries={check.id: query for check in checks if (query := _query(check, columns, day)) is not None},
    )


def _query(check: Check, columns: dict[str, dict[str, str]], today: dt.date) -> str | None:
    try:
        return rows_query(check, columns, today)
    except Unanswerable:
        return None


def _keep(con: duckdb.DuckDBPyConnection, study: Path, version: Version, found: Validated) -> None:
    """Write what was found to a file of its own in the books."""
    import pyarrow as pa

    rows = [as_row(result) for result in found.results]
    kinds = {"violated": pa.int64(), "denominator": pa.int64(), "percent": pa.float64(), "threshold": pa.float64()}
    con.register("found", pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])))
    at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    query = sql("plait.validators", "history")
    for name, value in (("checked_at", at), ("version", version.version), ("today", found.today)):
        query = query.replace(f"${name}", literal(value))
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
        con.execute(f"CREATE VIEW plait.value_profile AS FROM {parquet(before[-1])}")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
