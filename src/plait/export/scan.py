"""The last look at a package: whether an identifier that the study knows, or what looks like one, stands anywhere in it.

Every text of every column, array, header and document is looked at, nested ones and those in archives included; every whole number of a column that
is called like an identifier; every name of a file, a folder, a column or an array. What is found is told by its place and kind, never by itself. A
file that nobody can look into is found too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.errors import ExportError
from plait.export.phrases import Phrases
from plait.export.scanning.contents import Content, contents
from plait.export.scanning.finder import PATTERNS, SHORTEST_NUMBER, Finder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["PATTERNS", "Hit", "refuse", "scan"]

SHORTEST = 4
"""Identifiers shorter than this are not looked for: a 7 is everywhere."""

CLOSED = "a file that cannot be looked into"
_TOLD = 10
"""Places that an error lists."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that identifies, by its place.

    Attributes:
        place: A file, with a column or an element of it.
        kind: What it is: a known identifier, what it looks like, or a file that cannot be looked into.
        count: How many values have it.
    """

    place: str
    kind: str
    count: int


def scan(folder: Path, identifiers: Phrases | Iterable[str], *, paths: Iterable[Path] | None = None, allowed: Iterable[str] = ()) -> list[Hit]:
    """Give what identifies in a package.

    Args:
        folder: The package.
        paths: The files and folders in it that are looked at, by their names too; all if None.
        identifiers: What the study knows persons by, in any system; whatever the case of letters and what stands between words.
        allowed: Texts that may stand in the metadata, as the contact's address.

    Raises:
        MissingExtraError: A kind of files needs a package that is not installed.
    """
    known = identifiers if isinstance(identifiers, Phrases) else Phrases(text for text in identifiers if len(text.strip()) >= SHORTEST)
    finder = Finder(known, allowed)
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted(folder.rglob("*") if paths is None else paths):
        _look(finder, _named(path, folder), found)
        if path.is_file():
            for content in contents(path, path.relative_to(folder).as_posix()):
                _look(finder, content, found)
    hits: Counter[tuple[str, str]] = Counter()
    for (place, kind), count in found.items():
        hits[finder.masked(place), kind] += count
    return [Hit(place, kind, count) for (place, kind), count in hits.items()]


def refuse(hits: Iterable[Hit]) -> None:
    """Fail where there is something.

    Raises:
        ExportError: There is; lists the places.
    """
    found = list(hits)
    if found:
        places = "; ".join(f"{hit.kind} in {hit.place} ({hit.count:,})" for hit in found[:_TOLD])
        raise ExportError(
            "the package",
            expected="nothing that identifies",
            got=places + ("; …" if len(found) > _TOLD else ""),
            todo="Leave these columns out (policy.withhold), or mend the source; nothing was written.",
        )


def _named(path: Path, folder: Path) -> Content:
    """Give the name of a file or a folder as a text."""
    import polars as pl

    place = "the name of a file" if path.is_file() else "the name of a folder"
    named = [] if path.stem.isdecimal() and len(path.stem) < SHORTEST_NUMBER else [path.name]  # a small number is a new id
    return Content(f"{path.relative_to(folder).parent.as_posix()}, {place}", pl.Series(named, dtype=pl.String))


def _look(finder: Finder, content: Content, found: Counter[tuple[str, str]]) -> None:
    """Count what identifies in a piece of a file."""
    if content.texts is None:
        found[content.place, CLOSED] += 1
    elif len(content.texts):
        for kind, count in finder.look(content.texts, is_metadata=content.is_metadata, is_number=content.is_number).items():
            found[content.place, kind] += count
