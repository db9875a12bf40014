"""Packages that FAIR metadata needs are in the extra `fair`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from plait.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def need_fair(what: str) -> Iterator[None]:
    """Import what is in the extra `fair`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(what, expected="the packages of plait[fair]", got=f"no {error.name}", todo="pip install 'plait[fair]'.") from None
