"""How steps are run: a function over independent tasks, on local threads or processes; no step knows which.

A task and its result can be pickled, reads and writes files, and shares nothing: a cluster can be a third.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import Executor as Pool
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from plait.duck import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE_S = 0.05
"""How long a task that is to stop is given before it is told again."""


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
        """Yield `function(task)` for each task, in order; the first error, or Ctrl-C, stops the rest and what is under way."""
        threads: set[int] = set()
        with ThreadPoolExecutor(self.workers, "plait", lambda: threads.add(threading.get_ident())) as pool:
            yield from _in_order(pool, tasks, function, lambda: interrupt(threads))


class LocalProcesses:
    """Runs tasks in processes of this machine, each a fresh interpreter; they end with the process that started them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[T], function: Callable[[T], R]) -> Iterator[R]:
        """Yield `function(task)` for each task, in order; the first error, or Ctrl-C, stops the rest and what is under way."""
        tasks = list(tasks)
        if not tasks:
            return
        context = get_context("spawn")
        lifeline, ours = context.Pipe(duplex=False)
        with ours, ProcessPoolExecutor(min(self.workers, len(tasks)), context, _end_with_parent, (lifeline,)) as pool:
            yield from _in_order(pool, tasks, function, ours.close)


LocalExecutor = Literal["threads", "processes"]

LOCAL_EXECUTORS: dict[LocalExecutor, type[LocalThreads | LocalProcesses]] = {"threads": LocalThreads, "processes": LocalProcesses}
"""The executors of one machine by name; each takes the number of tasks that run side by side."""


def _end_with_parent(lifeline: Connection) -> None:
    """End this process when the other end of `lifeline` is closed, be it on purpose or since the parent was killed."""

    def wait() -> None:
        with suppress(EOFError, OSError):
            lifeline.recv()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="lifeline").start()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back for a moment: a process whose parent leaves before it has said what to do tells so at length."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            signal.raise_signal(signal.SIGINT)


def _in_order(pool: Pool, tasks: Iterable[T], function: Callable[[T], R], stop: Callable[[], None]) -> Iterator[R]:
    """Yield the results of a pool in the order of the tasks; at the first error what has not begun is dropped, and the rest told to stop."""
    with _undisturbed():  # the first task starts the processes
        futures = [pool.submit(function, task) for task in tasks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
        while wait(futures, _PATIENCE_S).not_done:  # a task between two queries hears nothing
            stop()
