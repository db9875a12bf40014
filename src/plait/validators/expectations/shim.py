"""What Great Expectations 1.24.1 lacks for DuckDB: all that reaches into its private parts stands here, and holds for that version alone.

- It reads a result after it has closed the connection, which DuckDB takes away with it: DuckDB joins the dialects whose connection is kept open.
- It knows neither regular expressions nor LIKE of DuckDB: they are `regexp_matches` and `LIKE`.
- It opens databases by their URL: `duckdb+plait:///NAME` is a connection that is open already, so that nothing is copied.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from plait.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import duckdb

VERSION = "1.24.1"
"""The release of Great Expectations that this holds for."""

INSTALL = "pip install 'plait[quality]'"
"""What installs it."""

_METRICS = "great_expectations.expectations.metrics"
_USERS = {
    "get_dialect_regex_expression": (
        "column_map_metrics.column_values_match_regex",
        "column_map_metrics.column_values_match_regex_list",
        "column_map_metrics.column_values_not_match_regex",
        "column_map_metrics.column_values_not_match_regex_list",
        "column_aggregate_metrics.column_values_match_regex_values",
        "column_aggregate_metrics.column_values_not_match_regex_values",
    ),
    "get_dialect_like_pattern_expression": (
        "column_map_metrics.column_values_match_like_pattern",
        "column_map_metrics.column_values_match_like_pattern_list",
        "column_map_metrics.column_values_not_match_like_pattern",
        "column_map_metrics.column_values_not_match_like_pattern_list",
    ),
}
"""Functions that make an expression of a dialect, with the modules of metrics that have them by that name."""

_open: dict[str, duckdb.DuckDBPyConnection] = {}
"""Connections that URLs name."""


class _DuckDBName(str):
    """The name of DuckDB's dialect, as Great Expectations compares and reads those that it knows."""

    __slots__ = ()

    @property
    def value(self) -> str:
        return str(self)


def is_installed() -> bool:
    """Tell whether this release of Great Expectations is there; to import it takes seconds, so this does not."""
    return importlib.util.find_spec("great_expectations") is not None and version("great-expectations") == VERSION


@cache
def great_expectations() -> ModuleType:
    """Give Great Expectations, imported, silent, and taught DuckDB.

    Raises:
        MissingExtraError: It is not installed, or another release of it.
    """
    if not is_installed():
        raise MissingExtraError("great-expectations", expected=f"version {VERSION}", got="none, or another one", todo=f"Install it: {INSTALL}")
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it imports
        module = importlib.import_module("great_expectations")
        _keep_connections()
        _teach_patterns()
        _register_dialect()
    return module


@contextmanager
def opened(name: str, con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Give the URL of an open connection; whoever connects to it gets a cursor of it."""
    _open[name] = con
    try:
        yield f"duckdb+plait:///{name}"
    finally:
        del _open[name]


def _keep_connections() -> None:
    engine = importlib.import_module("great_expectations.execution_engine.sqlalchemy_execution_engine")
    engine._PERSISTED_CONNECTION_DIALECTS += (_DuckDBName("duckdb"),)  # type: ignore[attr-defined] # noqa: SLF001 - there is no other way


def _teach_patterns() -> None:
    import sqlalchemy as sa

    known = importlib.import_module(f"{_METRICS}.util")

    def regex_expression(column: Any, regex: str, dialect: Any, positive: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002 - as the function that it stands for
        if getattr(dialect, "name", None) != "duckdb":
            return known.get_dialect_regex_expression(column, regex, dialect, positive)
        matches = sa.func.regexp_matches(column, sa.literal(regex))
        return matches if positive else sa.not_(matches)

    def like_expression(column: Any, dialect: Any, like_pattern: str, positive: bool = True, escape: str | None = None) -> Any:  # noqa: ANN401, FBT001, FBT002
        if getattr(dialect, "name", None) != "duckdb":
            return known.get_dialect_like_pattern_expression(column, dialect, like_pattern, positive, escape)
        matches = column.like(sa.literal(like_pattern), escape=escape)
        return matches if positive else sa.not_(matches)

    for (name, modules), taught in zip(_USERS.items(), (regex_expression, like_expression), strict=True):
        for module in modules:
            found = importlib.import_module(f"{_METRICS}.{module}")
            if not hasattr(found, name):
                raise MissingExtraError("great-expectations", expected=f"{module}.{name}", got="none", todo=f"Install it anew: {INSTALL}")
            setattr(found, name, taught)


def _register_dialect() -> None:
    from duckdb_sqlalchemy import ConnectionWrapper, Dialect
    from sqlalchemy.dialects import registry

    class Opened(Dialect):
        """DuckDB on a connection that is open.

        Each statement is a transaction: in a longer one, an expectation that cannot be answered would take all that follow with it.
        """

        supports_statement_cache = True

        def connect(self, *names: Any, **parameters: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy's
            """Give a cursor of the connection that a URL names."""
            return ConnectionWrapper(_open[names[0] if names else parameters["database"]].cursor())

        def do_begin(self, dbapi_connection: Any) -> None:  # noqa: ANN401
            """Begin nothing."""

        def do_commit(self, dbapi_connection: Any) -> None:  # noqa: ANN401
            """End nothing."""

        def do_rollback(self, dbapi_connection: Any) -> None:  # noqa: ANN401
            """Undo nothing."""

    globals()[Opened.__name__] = Opened
    registry.register("duckdb.plait", __name__, Opened.__name__)
