"""What a run may use of the machine, and what it says when there is no more of it."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plait.errors import ConfigError, StudyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEAST_MIB = 64
_MIB = {"kib": 1 / 1024, "mib": 1.0, "gib": 1024.0, "tib": 1024.0**2, "kb": 1e3 / 2**20, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20, "tb": 1e12 / 2**20}
_FULL = ("no space left on device", "disk quota exceeded", "max_temp_directory_size")
"""How DuckDB, Arrow and the system say that the disk is full."""


def size_mib(memory: str | None) -> int:
    """Give a memory size in MiB: half of the machine where none is given.

    >>> size_mib("1.5GiB")
    1536

    Raises:
        ConfigError: Not a size such as `4GiB` or `512MB`.
    """
    if memory is None:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 >> 20
    number = memory.lower().rstrip("bikmgt ")
    unit = memory.lower()[len(number) :].strip()
    try:
        size = int(float(number) * _MIB[unit])
    except (ValueError, KeyError, OverflowError):
        raise ConfigError("--memory", expected="a size such as 4GiB or 512MB", got=f"'{memory}'", todo="Write a number and a unit.") from None
    return max(size, _LEAST_MIB)


_OF_A_RUN = "The last version stands, and the next run goes on where this one stopped."


@contextmanager
def resources(place: Path, memory_mib: int, *, what: str = "the new version beside the last one", then: str = _OF_A_RUN) -> Iterator[None]:
    """Work with the disk and the memory that there are, and say it plainly where there is no more.

    Args:
        place: What is worked on.
        memory_mib: How much memory may be taken.
        what: What there must be room for on the disk.
        then: What stands where it fails.

    Raises:
        StudyError: The disk is full, the memory limit too low, or a process was killed from outside.
    """
    try:
        yield
    except Exception as error:
        from concurrent.futures import BrokenExecutor

        import duckdb

        if isinstance(error, BrokenExecutor):
            raise StudyError(
                place,
                expected="processes that end by themselves",
                got="one that was killed, most likely for want of memory",
                todo=f"Lower --memory or --threads. {then}",
            ) from None
        if not isinstance(error, (OSError, duckdb.IOException, duckdb.OutOfMemoryException)):
            raise
        if _is_full(error):
            raise StudyError(
                place,
                expected=f"room on the disk for {what}",
                got="a full disk",
                todo=f"Make room (`plait gc` removes old versions). {then}",
            ) from None
        if isinstance(error, duckdb.OutOfMemoryException):
            raise StudyError(
                place,
                expected=f"to get along with {memory_mib:,} MiB",
                got="a step that needs more",
                todo=f"Raise --memory, or lower --threads. {then}",
            ) from None
        raise


def _is_full(error: Exception) -> bool:
    """Tell whether an error means that the disk is full."""
    return (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}) or any(words in str(error).lower() for words in _FULL)
