"""How steps are run: a function over independent tasks, on local threads or processes; no step knows which.

A task and its result can be pickled, reads and writes files, and shares nothing: a cluster can be a third.
"""

from __future__ import annotations

from concurrent.futures import Executor as Pool
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs `function` on every task and yields the results in the order of the tasks."""

    workers: int

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error stops the rest."""
        ...


class LocalThreads:
    """Runs tasks on threads of this process; DuckDB works outside Python's lock."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error stops the rest."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="plait") as pool:
            yield from _in_order(pool, tasks, function)


class LocalProcesses:
    """Runs tasks in processes of this machine, each a fresh interpreter."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error stops the rest."""
        tasks = list(tasks)
        if not tasks:
            return
        with ProcessPoolExecutor(min(self.workers, len(tasks)), mp_context=get_context("spawn")) as pool:
            yield from _in_order(pool, tasks, function)


def _in_order(pool: Pool, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
    """Yield the results of a pool in the order of the tasks; what has not begun is dropped at the first error."""
    futures = [pool.submit(function, task) for task in tasks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
