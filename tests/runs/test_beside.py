"""Queries on a second connection: what they see, where they run, and what becomes of their errors."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import duckdb
import pytest

from plait.beside import Asked, beside
from plait.duck import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 60.0


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection of two threads with a table of one row."""
    with connect(threads=2) as connection:
        connection.execute("CREATE TABLE place AS SELECT 7 AS number")
        yield connection


def number_of(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Give the number in the table, and the thread that asked."""
    (number,) = con.execute("SELECT number FROM place").fetchone() or (0,)
    return number, threading.get_ident()


def external(con: duckdb.DuckDBPyConnection) -> object:
    """Give how many threads DuckDB takes for ours."""
    return con.execute("SELECT current_setting('external_threads')").fetchone()


def test_it_is_found_in_another_thread_meanwhile(con: duckdb.DuckDBPyConnection) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def slow(other: duckdb.DuckDBPyConnection) -> tuple[int, int]:
        has_begun.set()
        assert may_end.wait(WAIT_S)
        return number_of(other)

    before = external(con)
    with beside(con) as ask:
        asked = ask(slow)
        assert has_begun.wait(WAIT_S)
        assert external(con) == (2,), "DuckDB leaves both threads to us"
        may_end.set()
        number, thread = asked.result()
        assert asked.result() == (number, thread), "and is not found twice"
    assert (number, thread == threading.get_ident()) == (7, False)
    assert external(con) == before


def test_what_has_not_begun_is_found_here(con: duckdb.DuckDBPyConnection) -> None:
    may_end = threading.Event()
    found: list[int] = []

    def counted(other: duckdb.DuckDBPyConnection) -> tuple[int, int]:
        found.append(1)
        return number_of(other)

    with beside(con) as ask:
        first, second = ask(lambda _: may_end.wait(WAIT_S)), ask(counted)
        assert second.result() == (7, threading.get_ident())
        assert second.result() == (7, threading.get_ident())
        may_end.set()
        assert first.result()
    assert found == [1]


def test_with_one_thread_all_is_found_here() -> None:
    with connect(threads=1) as con:
        con.execute("CREATE TABLE place AS SELECT 7 AS number")
        with beside(con) as ask:
            assert ask(number_of).result() == (7, threading.get_ident())


def test_changes_of_an_open_transaction_are_seen(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("BEGIN")
    con.execute("UPDATE place SET number = 8")
    with beside(con) as ask:
        assert ask(number_of).result() == (8, threading.get_ident())
    con.execute("ROLLBACK")


def test_an_error_is_raised_where_the_result_is_asked_for(con: duckdb.DuckDBPyConnection) -> None:
    before = external(con)
    with beside(con) as ask:
        asked = ask(lambda other: other.execute("SELECT nothing FROM nowhere"))
        with pytest.raises(duckdb.CatalogException):
            asked.result()
    assert external(con) == before


def test_what_runs_is_stopped_where_the_rest_fails(con: duckdb.DuckDBPyConnection) -> None:
    has_begun = threading.Event()
    before, asked = external(con), []

    def endless(other: duckdb.DuckDBPyConnection) -> object:
        has_begun.set()
        return other.execute("SELECT max(a.range * b.range % 7) FROM range(10_000_000) AS a, range(10_000_000) AS b").fetchone()

    def failing() -> None:
        with beside(con) as ask:
            asked.extend([ask(endless), ask(endless)])
            assert has_begun.wait(WAIT_S)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    with pytest.raises(duckdb.InterruptException):
        asked[0].result()
    assert external(con) == before


def test_what_runs_beside_what_runs_beside_is_stopped_too() -> None:
    """The second connection waits for the third, whose query goes on."""
    has_begun = threading.Event()
    asked: list[Asked[object]] = []

    def endless(other: duckdb.DuckDBPyConnection) -> object:
        has_begun.set()
        return other.execute("SELECT max(a.range * b.range % 7) FROM range(10_000_000) AS a, range(10_000_000) AS b").fetchone()

    def nested(other: duckdb.DuckDBPyConnection) -> object:
        with beside(other) as ask:
            inner = ask(endless)
            assert has_begun.wait(WAIT_S)
            return inner.result()

    def failing(con: duckdb.DuckDBPyConnection) -> None:
        with beside(con) as ask:
            asked.append(ask(nested))
            assert has_begun.wait(WAIT_S)
            raise ZeroDivisionError

    with connect(threads=4) as con:
        with pytest.raises(ZeroDivisionError):
            failing(con)
        with pytest.raises(duckdb.InterruptException):
            asked[0].result()
        assert external(con) == (1,)
