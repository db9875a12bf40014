"""Queries on a second connection of the same database while others go on: what has not begun there is done here."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    import duckdb

Found = TypeVar("Found")


class Beside(Protocol):
    """Has something found on another connection; see `beside`."""

    def __call__(self, work: Callable[[duckdb.DuckDBPyConnection], Found], /) -> Asked[Found]:
        """Take what is to be done with a connection, and give what it will have found."""


class Asked(Generic[Found]):
    """Something that is found on another connection, or here where that has not begun with it when the result is asked for.

    Args:
        con: The connection here; `result` is asked for in its thread.
        work: What is to be done with a connection.
        future: What another thread has of it; None where there is none.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], Found], future: Future[Found] | None = None) -> None:
        self._con, self._work, self._future = con, work, future
        self._found: list[Found] = []

    def result(self) -> Found:
        """Give what was found, once it is."""
        if not self._found:
            self._found.append(self._work(self._con) if self._future is None or self._future.cancel() else self._waited(self._future))
        return self._found[0]

    def _waited(self, future: Future[Found]) -> Found:
        """Wait for what has begun; a thread of DuckDB's does the work of this one meanwhile."""
        if future.done():
            return future.result()
        with _external_threads(self._con, -1):
            return future.result()


@contextmanager
def _external_threads(con: duckdb.DuckDBPyConnection, more: int) -> Iterator[None]:
    """Let so many more of a database's threads be ours, which run queries, and not DuckDB's own."""
    (number,) = con.execute("SELECT current_setting('external_threads')").fetchone() or (1,)
    con.execute(f"SET GLOBAL external_threads = {number + more}")
    try:
        yield
    finally:
        con.execute(f"SET GLOBAL external_threads = {number}")


_PATIENCE_S = 0.01
_beside: WeakKeyDictionary[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection] = WeakKeyDictionary()
"""Connections that have one beside them at the moment."""


@contextmanager
def beside(con: duckdb.DuckDBPyConnection) -> Iterator[Beside]:
    """Have things found, one after the other, by queries on a connection of the same database while others go on here.

    That connection has what is no transaction's and no temporary object. In an open transaction, whose changes no other connection sees, and with one
    thread, everything is found here.
    """
    from concurrent.futures import ThreadPoolExecutor, wait

    (threads, own) = con.execute("SELECT current_setting('threads'), current_setting('external_threads')").fetchone() or (1, 1)
    if threads <= own or len({con.execute("SELECT txid_current()").fetchone() for _ in range(2)}) == 1:
        yield lambda work: Asked(con, work)
        return
    asked: list[Future[Any]] = []

    def ask(work: Callable[[duckdb.DuckDBPyConnection], Found]) -> Asked[Found]:
        future = pool.submit(work, other)
        asked.append(future)
        return Asked(con, work, future)

    with con.cursor() as other, _external_threads(con, 1), ThreadPoolExecutor(1) as pool:
        other.execute("SET TimeZone = 'UTC'")
        _beside[con] = other
        try:
            yield ask
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while running := [one for one in asked if not one.done()]:
                _stop(other)  # which is lost between two queries
                wait(running, _PATIENCE_S)
            raise
        finally:
            del _beside[con]


def _stop(con: duckdb.DuckDBPyConnection) -> None:
    """Stop the query of a connection, and that of the one beside it, for which it may wait."""
    import duckdb

    with suppress(duckdb.ConnectionException):  # it was closed meanwhile
        con.interrupt()
    other = _beside.get(con)
    if other is not None:
        _stop(other)
