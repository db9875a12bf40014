"""From what was counted in each file to what every check found, against the last delivery and against today."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from plait.duck import make_view, parquet, sql
from plait.errors import SourceCheckError
from plait.etl.manifest import read_manifest
from plait.etl.source_checks.counting import counts_file, has_columns, is_checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.etl.source_checks.rules import SourceCheck
    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

Status = Literal["PASS", "FAIL", "NA"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a check of a source found.

    Attributes:
        source: The source.
        check: The check.
        violated: How many records offend, or 1 where the file as a whole does; None where there was nothing to look at.
        denominator: Of how many.
        status: `PASS`, `FAIL`, or `NA` where there was nothing to look at.
        reason: Why, in words; of a failure only where the figures do not say it.
        newest: The newest time, of a check of freshness.
    """

    source: str
    check: SourceCheck
    violated: int | None
    denominator: int | None
    status: Status
    reason: str | None = None
    newest: dt.datetime | None = None

    @property
    def id(self) -> str:
        """The check's name among all."""
        return self.check.id(self.source)

    @property
    def percent(self) -> float | None:
        """Offending ones of a hundred."""
        if self.violated is None or self.denominator is None:
            return None
        return self.violated / self.denominator * 100 if self.denominator else 0.0

    def as_row(self) -> dict[str, Any]:
        """Give it as a row of `plait.source_checks`, less the run."""
        rule = self.check.rule
        return {
            "source": self.source,
            "file": self.check.file,
            "check_id": self.id,
            "check_name": self.check.kind,
            "columns": ", ".join(self.check.columns) or None,
            "violated": self.violated,
            "denominator": self.denominator,
            "percent": self.percent,
            "threshold": rule.threshold,
            "severity": rule.severity,
            "stops": int(rule.stop),
            "status": self.status,
            "reason": self.reason,
            "newest": self.newest,
        }


def judge_source(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    files: Sequence[InputFile],
    folder: Path,
    time_zone: str,
    *,
    before: Mapping[tuple[str, str], int],
    today: dt.date,
) -> list[Found]:
    """Give what every check of a source found.

    Args:
        con: A connection.
        source: The source.
        files: Its files.
        folder: Where what was counted is kept.
        time_zone: What zoned times were converted to.
        before: Records of (source, file) in the version before; nothing before the first.
        today: The date that freshness is judged by.
    """
    counts: dict[str, list[tuple[InputFile, dict[str, Any], Path]]] = {}
    for file in files:
        if file.file is not None and is_checked(source, file.file):
            manifest = counts_file(folder, file, source, time_zone)
            counts.setdefault(file.file, []).append((file, read_manifest(manifest) or {}, manifest.parent))
    found = []
    for name in source.rules.files:
        for check in source.checks_of(name):
            judge = _Judge(con, source, check, counts, before.get((source.name, name)), today)
            found.append(judge.result())
    return found


def records_before(con: duckdb.DuckDBPyConnection, before: Version, warehouse: Path) -> dict[tuple[str, str], int]:
    """Give the records of each (source, file) in a version."""
    files = [str(warehouse / path) for path in before.tables["books"].get("files", [])]
    rows = con.execute(sql("plait.etl.source_checks", "records_before"), {"files": files}).fetchall() if files else []
    return {(source, file): records for source, file, records in rows}


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges one check."""

    con: duckdb.DuckDBPyConnection
    source: Source
    check: SourceCheck
    counts: Mapping[str, Sequence[tuple[InputFile, dict[str, Any], Path]]]
    before: int | None
    today: dt.date

    def result(self) -> Found:
        """Give what the check found."""
        own = self.counts.get(self.check.file, ())
        if not own:
            return self._found(None, None, "NA", f"there is no file {self.check.file}")
        if self.check.kind == "sourceRows":
            return self._rows(sum(content["records"] for _, content, _ in own))
        having = [(content, folder) for file, content, folder in own if has_columns(file, self.check)]
        if not having:
            return self._found(None, None, "NA", f"{self.check.file} has no column {', '.join(self.check.columns)}")
        if self.check.kind == "sourceFresh":
            return self._fresh([content["newest"][self.check.id(self.source.name)] for content, _ in having])
        if self.check.kind == "sourceUnique":
            violated, counted = self._asked("repeated_keys", self._set(self.check.file, self.check.columns))
        elif self.check.kind == "sourceReference":
            file, _, column = str(self.check.rule.references).partition(".")
            if not self._set(file, (column,)):
                return self._found(None, None, "NA", f"there is no {self.check.rule.references} to refer to")
            violated, counted = self._asked("dangling", self._set(self.check.file, self.check.columns), self._set(file, (column,)))
        else:
            pairs = [content["counts"][self.check.id(self.source.name)] for content, _ in having]
            violated, counted = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
        if not counted:
            return self._found(violated, counted, "NA", "there is no value to look at")
        return self._found(violated, counted, "FAIL" if is_too_many(violated, counted, self.check.rule.threshold) else "PASS")

    def _rows(self, records: int) -> Found:
        """Judge the number of records; it is against the version before where a change is bounded."""
        rule = self.check.rule.rows
        assert rule is not None  # noqa: S101 - a check of this kind has one
        wrong = []
        if rule.min is not None and records < rule.min:
            wrong.append(f"{records:,} records, at least {rule.min:,} expected")
        if rule.max is not None and records > rule.max:
            wrong.append(f"{records:,} records, at most {rule.max:,} expected")
        fewer, more = rule.bounds
        if self.before and (fewer is not None or more is not None):
            change = (records - self.before) / self.before * 100
            if (fewer is not None and change < -fewer) or (more is not None and change > more):
                wrong.append(f"{records:,} records, {change:+.1f}% against {self.before:,} before")
        return self._found(int(bool(wrong)), 1, "FAIL" if wrong else "PASS", "; ".join(wrong) or None)

    def _fresh(self, newest: Sequence[str | None]) -> Found:
        times = [dt.datetime.fromisoformat(one) for one in newest if one is not None]
        if not times:
            return self._found(None, None, "NA", "there is no time to look at")
        return judged_fresh(self.source.name, self.check, max(times), self.today)

    def _set(self, file: str, columns: tuple[str, ...]) -> list[Path]:
        """Give the files of the distinct values of columns."""
        key = "|".join(columns)
        return [folder / content["sets"][key] for _, content, folder in self.counts.get(file, ()) if key in content.get("sets", {})]

    def _asked(self, query: str, *sets: list[Path]) -> tuple[int, int]:
        """Give (violated, counted) by a query over sets of values."""
        for number, paths in enumerate(sets):
            columns = [f"k{place}" for place in range(len(self.check.columns))]
            nothing = f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {name}' for name in columns)}, CAST(0 AS BIGINT) AS records WHERE false"
            make_view(self.con, f"checked_{number}", f"FROM {parquet(*paths)}" if paths else nothing)
        row = self.con.execute(sql("plait.etl.source_checks", query)).fetchone() or (0, 0)
        return int(row[0]), int(row[1])

    def _found(self, violated: int | None, counted: int | None, status: Status, reason: str | None = None) -> Found:
        return Found(self.source.name, self.check, violated, counted, status, reason)


def judged_fresh(source: str, check: SourceCheck, newest: dt.datetime, today: dt.date) -> Found:
    """Give what a check of freshness finds, as of `today`; how old the newest time is, and not when it was."""
    days = (today - newest.date()).days
    is_old = days > (check.rule.fresh_days or 0)
    reason = f"the newest is {days:,} days old, at most {check.rule.fresh_days or 0:g} expected" if is_old else None
    return Found(source, check, int(is_old), 1, "FAIL" if is_old else "PASS", reason, newest)


def is_too_many(violated: int, counted: int, threshold: float | None) -> bool:
    """Tell whether a check fails: by any violation where it has no threshold, else by more than that percentage."""
    return violated > 0 if not threshold else violated / counted * 100 > threshold


def stop_where_asked(found: Iterable[Found]) -> None:
    """Stop where a check fails that says so.

    Raises:
        SourceCheckError: Names the first such check.
    """
    stopping = [one for one in found if one.status == "FAIL" and one.check.rule.stop]
    if not stopping:
        return
    first = stopping[0]
    share = first.reason or f"{first.violated:,} of {first.denominator:,}"
    allowed = f"at most {first.check.rule.threshold:g}% of " if first.check.rule.threshold else "no "
    raise SourceCheckError(
        f"{first.source}: {first.id}",
        expected="a file as declared" if first.reason else f"{allowed}{first.check.about}",
        got=share + (f" (and {len(stopping) - 1} more checks that stop a run)" if len(stopping) > 1 else ""),
        todo=f"Nothing was committed. See which records: `plait etl check-source {first.source}`; mend the delivery, or the check in source.yaml.",
    )
