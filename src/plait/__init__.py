"""plait: one patient's codes, notes, omics and images, braided into one trusted table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plait.errors import PlaitError
    from plait.featurestore.loader import collate
    from plait.featurestore.snapshot import open_snapshot
    from plait.schema.reasons import Reason
    from plait.study import Study
    from plait.study import init_study as init
    from plait.study import open_study as open  # noqa: A004 - `plait.open` is the name users expect

__version__ = "0.1.0"

__all__ = ["PlaitError", "Reason", "Study", "__version__", "collate", "init", "open", "open_snapshot"]

_PLACES = {
    "PlaitError": ("plait.errors", "PlaitError"),
    "Reason": ("plait.schema.reasons", "Reason"),
    "Study": ("plait.study", "Study"),
    "collate": ("plait.featurestore.loader", "collate"),
    "init": ("plait.study", "init_study"),
    "open": ("plait.study", "open_study"),
    "open_snapshot": ("plait.featurestore.snapshot", "open_snapshot"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    """Import the public names when they are first used, so that `import plait` stays fast."""
    if name not in _PLACES:
        raise AttributeError(f"module 'plait' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
