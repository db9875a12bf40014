"""Suites that plait makes itself: of each table, view or snapshot that was checked, that no check found more than its threshold allows.

What they are asserted on is a small table for each of them, with a column for each type of check at one threshold, and a value for each of its checks:
how many offended, in percent where the threshold is one. Great Expectations takes milliseconds for an expectation, so one stands for all checks of such a
column; a check that failed has one of its own, which names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from plait.duck import quoted
from plait.validators.expectations.suites import OF_GX
from plait.validators.suite import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from plait.validators.judge import Result
    from plait.validators.suite import Check

SCHEMA = "found"
"""The schema of the rows that are asserted on."""

COUNTED = "plait.counted"
"""What the `meta` of these expectations has: its check, or its checks."""

SEVERITY_OF = {ours: theirs for theirs, ours in OF_GX.items()}
"""Plait's severities in the words of Great Expectations."""

_CDM = frozenset({"dqd", "plait"})
_FAILS_NEVER = 100.0
_NO_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Generated:
    """A suite that plait made.

    Attributes:
        name: Its name, `cdm.person`: what was checked.
        expectations: Its expectations, as Great Expectations writes them.
        columns: What is asserted on, by column: counts or percentages; None where a check could not be answered.
    """

    name: str
    expectations: tuple[dict[str, Any], ...] = field(repr=False)
    columns: dict[str, list[float | None]] = field(repr=False)

    @property
    def table(self) -> str:
        """The table that it is asserted on: a point in a name would be taken for that of a schema."""
        return self.name.replace(".", "__")


def suites_of(results: Iterable[Result]) -> list[Generated]:
    """Give the suites that say of all checks that apply, and that can fail, what they found."""
    asserted = [result for result in results if result.status != "NA" and (result.check.threshold or 0.0) < _FAILS_NEVER]
    named = sorted(asserted, key=lambda result: _suite_name(result.check))
    return [_suite(name, list(of_one)) for name, of_one in groupby(named, key=lambda result: _suite_name(result.check))]


def write_tables(con: duckdb.DuckDBPyConnection, suites: Sequence[Generated]) -> None:
    """Make the table of each suite in the schema `found`."""
    import pyarrow as pa

    con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for suite in suites:
        rows = max(map(len, suite.columns.values()))
        padded = {name: pa.array(values + [None] * (rows - len(values)), pa.float64()) for name, values in suite.columns.items()}
        con.register("counted", pa.table(padded))
        con.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{quoted(suite.table)} AS FROM counted")
        con.unregister("counted")


def _suite_name(check: Check) -> str:
    """Give the name of the suite of a check, which is that of a file, too: of its table with its schema, else of what was checked by what kind of checks."""
    schema = "cdm" if check.suite in _CDM else check.suite
    is_named = check.table.startswith(f"{schema}.") or ("." in check.table and check.suite in _CDM)
    name = check.table if is_named else f"{schema}.{check.table}"
    return _NO_NAME.sub("-", name.rstrip("."))


def _suite(name: str, results: list[Result]) -> Generated:
    expectations: list[dict[str, Any]] = []
    columns: dict[str, list[float | None]] = {}
    for result in sorted((one for one in results if one.status in {"FAIL", "ERROR"}), key=_by_severity):
        columns[result.check.id] = [_value(result)]
        expectations.append(_expectation(result.check.id, result.check, f"{result.check.id} {_allowed(result.check)}: {result.check.about}"))
    for _, group in groupby(sorted(results, key=_group), key=_group):
        of_one = list(group)
        check = of_one[0].check
        column = f"{check.type.name} {_allowed(check)}"
        columns[column] = [_value(result) for result in of_one]
        about = f"the most that {len(of_one):,} checks of this type found" if len(of_one) > 1 else check.about
        expectations.append(_expectation(column, check, f"{column}: {about}"))
    return Generated(name, tuple(expectations), columns)


def _group(result: Result) -> tuple[str, str, float]:
    check = result.check
    return check.type.name, check.severity, check.threshold or 0.0


def _by_severity(result: Result) -> tuple[int, str]:
    return SEVERITIES.index(result.check.severity), result.check.id


def _allowed(check: Check) -> str:
    """Give what a failure means and how many may offend."""
    return f"({check.severity}, {f'at most {check.threshold:g} %' if check.threshold else 'none'})"


def _expectation(column: str, check: Check, description: str) -> dict[str, Any]:
    """Give the expectation that a column has nothing above a check's threshold."""
    return {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": column, "max_value": check.threshold or 0.0},
        "severity": SEVERITY_OF[check.severity],
        "description": description,
        "meta": {COUNTED: column},
    }


def _value(result: Result) -> float | None:
    """Give what a check found, as it is compared with its threshold: a percentage if it has one, else a count; None if it could not be answered."""
    if result.status == "ERROR":
        return None
    if result.violated is None:
        return float(result.status == "FAIL")
    return result.percent if result.check.threshold else float(result.violated)
