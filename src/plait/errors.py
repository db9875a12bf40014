"""What plait says when it cannot go on: where, what it expected, what it got, and what to do next.

No message carries patient data: values of records never enter an error, only their place.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, "nothing of this name"),
    (NotADirectoryError, "a file in the place of a folder"),
    (IsADirectoryError, "a folder"),
    (PermissionError, "no permission"),
    (UnicodeDecodeError, "bytes that are no text"),
    (json.JSONDecodeError, "text that is no JSON"),
)


def in_words(error: Exception) -> str:
    """Say what an exception of others means, without its words, which may show values.

    >>> in_words(FileNotFoundError("/home/me/secret")), in_words(KeyError("x"))
    ('nothing of this name', 'KeyError')
    """
    return next((words for kind, words in _WORDS if isinstance(error, kind)), type(error).__name__)


def did_you_mean(name: str, known: Iterable[str], otherwise: str, *, before: str = "") -> str:
    """Ask whether the nearest of some known names was meant, which stands behind `before`; give `otherwise` where none is near.

    >>> did_you_mean("persn", ["person", "death"], "See its names."), did_you_mean("x", ["person"], "See its names.")
    ("Did you mean 'person'?", 'See its names.')
    """
    near = get_close_matches(name, list(known), 1)
    return f"Did you mean '{before}{near[0]}'?" if near else otherwise


class PlaitError(Exception):
    """Base of every error that plait raises on purpose.

    Args:
        where: File, line, table or key that the error is about.
        expected: What should have been there.
        got: What was there, never a value of a patient's record.
        todo: What the reader can do next.
    """

    exit_code = 1

    def __init__(self, where: object, *, expected: str, got: str, todo: str) -> None:
        self.where, self.expected, self.got, self.todo = str(where), expected, got, todo
        super().__init__(f"{self.where}: expected {expected}, got {got}. {todo}")


class ConfigError(PlaitError):
    """`plait.yaml`, a `source.yaml` or the command line is wrong; nothing was read or written."""

    exit_code = 2


class InputFileError(PlaitError):
    """A source file cannot be read as what it was declared to be; nothing was written."""


class VocabularyError(PlaitError):
    """The vocabulary is missing, incomplete or unreadable; nothing was written."""


class SourceCheckError(PlaitError):
    """A delivery fails a check of its source that stops a run. Nothing was committed."""


class BooksError(PlaitError):
    """A record has no fate: read is not loaded + merged + rejected + ignored. Nothing was committed."""


class StudyError(PlaitError):
    """The study folder is not as plait left it, or another run holds it."""


class PublishError(PlaitError):
    """What was to be published cannot stand in the database, or the database refuses; what was published before stands."""


class ExportError(PlaitError):
    """What was to leave the study must not: a check fails, or something identifies. Nothing was written."""


class MissingExtraError(PlaitError):
    """A feature needs packages that are not installed; the message names the extra."""

    exit_code = 2


class CohortError(PlaitError):
    """Index rows or the definition of a cohort are not what a query can answer; nothing was computed."""

    exit_code = 2


class EncoderError(PlaitError):
    """An encoder is not what it was declared to be, or its vectors are not."""


class SnapshotError(PlaitError):
    """A snapshot is not what it was when it was made, or cannot be made."""


class NotFittedError(PlaitError):
    """A recipe is used before it is fitted, or is fitted on rows that are not for training."""

    exit_code = 2
