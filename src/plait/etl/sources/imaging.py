"""The packages that read images, which are an extra."""

from __future__ import annotations

from importlib import import_module

from plait.errors import MissingExtraError


def need_imaging(what: str) -> None:
    """Fail where the packages for images are not installed.

    Args:
        what: What needs them.

    Raises:
        MissingExtraError: They are not.
    """
    for package in ("pydicom", "openslide", "tiffslide"):
        try:
            import_module(package)
        except ImportError:
            raise MissingExtraError(
                what, expected="openslide, tiffslide and pydicom", got=f"no {package}", todo="Install them: pip install 'plait[imaging]'."
            ) from None
