"""How steps are run: a function over independent tasks, on local threads for now; no step knows which."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs `function` on every task and yields the results in the order of the tasks."""

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error stops the rest."""
        ...


class LocalThreads:
    """Runs tasks on threads of this process; DuckDB works outside Python's lock."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error stops the rest."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="plait") as pool:
            futures = [pool.submit(function, task) for task in tasks]
            try:
                for future in futures:
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()
