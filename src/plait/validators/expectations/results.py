"""What Great Expectations found: without values of patients, and as results of plait's own."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from plait.validators.judge import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plait.validators.suite import Check

OF_ROWS = "unexpected_rows_expectation"
"""The type whose query lists the rows that offend."""

_COUNTS = (
    "element_count",
    "missing_count",
    "missing_percent",
    "unexpected_count",
    "unexpected_percent",
    "unexpected_percent_total",
    "unexpected_percent_nonmissing",
)
_OF_MANY = re.compile(r"unexpected_rows_expectation|expect_table_|expect_column_(to_exist|unique_value_count|proportion|mean|stdev|sum|z_score)")
"""Types whose observed value is of all rows, or of columns, and no patient's."""

_OF_DATABASE = re.compile(r"\b(duckdb|psycopg\.errors)\.(?:duckdb\.)?(\w+)")
_OF_PYTHON = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)
"""Names of errors in a message or a traceback."""


def without_values(result: dict[str, Any], kind: str) -> dict[str, Any]:
    """Give what an expectation found without anything that a record says: counts, and what is observed of all rows together."""
    kept = {name: result[name] for name in _COUNTS if name in result}
    if "observed_value" in result:
        kept["observed_value"] = result["observed_value"] if _OF_MANY.match(kind) else None
    if "unexpected_count" in kept:
        kept["partial_unexpected_list"] = []
    return kept


def without_words(raised: dict[str, Any]) -> dict[str, Any]:
    """Give that an expectation could not be answered, with the kind of the error alone: its words may show values."""
    kind = error_of(raised)
    return {"raised_exception": kind is not None, "exception_message": kind, "exception_traceback": None}


def error_of(raised: dict[str, Any]) -> str | None:
    """Give the kind of the error by which an expectation could not be answered, None where it could."""
    for one in _errors(raised):
        if one.get("raised_exception"):
            if one.get("exception_traceback") is None:  # as `without_words` left it
                return str(one["exception_message"])
            text = f"{one.get('exception_message')}\n{one.get('exception_traceback')}"
            of_python = _OF_PYTHON.search(text)
            return next(_of_database(text), of_python[1] if of_python else "an error")
    return None


def _of_database(text: str) -> Iterator[str]:
    """Give the names of the databases' errors in a text: only what is the name of a class, as the text may show values."""
    for module, name in _OF_DATABASE.findall(text):
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and issubclass(found, Exception):
            yield name


def as_result(check: Check, found: dict[str, Any]) -> Result:
    """Give what an expectation found as the result of its check.

    Args:
        check: The check.
        found: A result of Great Expectations as plain data: `success`, `result`, `exception_info`.
    """
    error = error_of(found.get("exception_info") or {})
    if error is not None:
        return Result(check, None, None, "ERROR", f"Great Expectations could not answer it: {error}")
    result, success = found.get("result") or {}, bool(found["success"])
    if check.type.name == OF_ROWS:
        return Result(check, int(result.get("observed_value") or 0), None, "PASS" if success else "FAIL")
    if "element_count" not in result:  # of a table, or of a column as a whole
        return Result(check, int(not success), 1, "PASS" if success else "FAIL")
    denominator = int(result["element_count"]) - int(result.get("missing_count") or 0)
    violated = int(result.get("unexpected_count") or 0)
    if denominator == 0:
        return Result(check, violated, denominator, "NA", "there is no value")
    return Result(check, violated, denominator, "PASS" if success else "FAIL")


def rows_of(found: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Give the rows that offend an expectation, as far as they were asked for; None where it is about none."""
    result = found.get("result") or {}
    if "unexpected_rows" in (result.get("details") or {}):
        return list(result["details"]["unexpected_rows"] or [])
    if "element_count" not in result:
        return None
    return list(result.get("partial_unexpected_index_list") or [])


def _errors(raised: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the errors: there is one, or one for each metric that failed."""
    if "raised_exception" in raised:
        yield raised
        return
    for one in raised.values():
        if isinstance(one, dict):
            yield one
