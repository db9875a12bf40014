"""Built-in kinds of source that raw files may already be of."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from plait.etl.sources.folder import ENTRY_POINTS, SourceRules
from plait.settings import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.etl.profiling.profile import RawFile

_LEAST_FILES = 3
"""Files with all their columns that a kind must know."""


def known_kinds(files: Iterable[RawFile]) -> tuple[str, ...]:
    """Give the registered kinds that know several of the files, each with all columns that the kind cannot do without; the best first."""
    headers = {file.name: {name.lower() for name in file.layout.header} for file in files}
    found = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        file = Path(str(package_files(point.value))) / "source.yaml"
        if not file.is_file():
            continue
        rules = parse_yaml(SourceRules, file.read_text(encoding="utf-8"), file)
        fitting = [name for name, rule in rules.files.items() if name in headers and rule.needs and _has(headers[name], rule.needs)]
        lacks = [name for name, rule in rules.files.items() if rule.required and name not in fitting]
        if len(fitting) >= _LEAST_FILES and not lacks:
            found.append((-len(fitting), point.name))
    return tuple(name for _, name in sorted(found))


def _has(header: set[str], needs: Iterable[str | tuple[str, ...]]) -> bool:
    return all(any(name.lower() in header for name in ((need,) if isinstance(need, str) else need)) for need in needs)
