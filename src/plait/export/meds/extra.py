"""The schemas of MEDS come with the package `meds`, in the extra `meds`."""

from __future__ import annotations

from typing import Any

from plait.errors import MissingExtraError


def need_meds() -> Any:  # noqa: ANN401 - a module, which is not there where types are checked
    """Give the package `meds`: its schemas, and the names of its files.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import meds
    except ImportError as error:
        raise MissingExtraError(
            "plait export meds", expected="the packages of plait[meds]", got=f"no {error.name}", todo="pip install 'plait[meds]'."
        ) from None
    return meds
