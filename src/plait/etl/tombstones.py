"""Tombstones: what is left of persons who were forgotten, so that a reload of their records does not bring them back.

A tombstone is a keyed hash of (system, identifier): two secret keys, one within the other, as HMAC nests them (RFC 2104). Who has the study's
`private/` can tell of an identifier whether it was forgotten; nobody can read one out of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from plait.duck import literal, quoted, sql
from plait.errors import StudyError
from plait.etl.manifest import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

RULE = "forgotten"
"""The rule by which a record of somebody who was forgotten is ignored, and the fault of such a record."""

SYSTEM = "plait:forgotten"
"""The system under which the crosswalk keeps a tombstone in an identifier's place, so that the number is not given to anybody else."""

TOMBSTONES_FILE, PENDING_FILE = "forgotten.json", "forgetting.json"
"""Files in `private/`: the tombstones, and whom a forgetting is about that has not ended."""

FORGOTTEN = "[forgotten]"
"""What stands in the place of an identifier in the name of a source's file."""

_SEPARATOR = "\x1f"
_SHORTEST, _SHORTEST_NUMBER = 4, 8
"""Identifiers shorter than this, or numbers of fewer digits, are looked for only where identifiers stand."""


@dataclass(frozen=True)
class Tombstones:
    """Who was forgotten in a study.

    Attributes:
        keys: The inner and the outer key, 64 hexadecimal digits each.
        persons: Hash of each forgotten identifier, and the number that it had.
        claims: Hashes of (kind or "link", system, key) of what a forgotten person and others claimed: it stays nobody's.
        texts: Hashes of (source, name) of the files with the texts of their notes.
        words: Hashes of ("word", identifier) of identifiers that tell whose they are wherever they stand.
        also: Hashes of identifiers that the study's links say are a forgotten person's, in this run.
    """

    keys: tuple[str, str]
    persons: tuple[tuple[str, int], ...] = ()
    claims: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.persons)

    @cached_property
    def hashes(self) -> frozenset[str]:
        """The hashes of all identifiers that nothing is kept of."""
        return frozenset(hashed for hashed, _ in self.persons) | frozenset(self.also)

    @cached_property
    def digest(self) -> str:
        """A digest of whom staged rows leave out, empty where that is nobody."""
        return digest_of([sorted(hashed for hashed, _ in self.persons), sorted(self.also)])[:16] if self.hashes else ""

    def of(self, *names: str) -> str:
        """Give the hash of an identifier in its system, or of another name in its space."""
        inner = hashlib.sha256((self.keys[0] + _SEPARATOR.join(names)).encode()).hexdigest()
        return hashlib.sha256((self.keys[1] + inner).encode()).hexdigest()

    def is_text(self, source: str, name: str) -> bool:
        """Tell whether a file holds the text of a forgotten person's note."""
        return bool(self.texts) and self.of(source, name) in self.texts

    def without(self, name: str) -> str:
        """Give the name of a file without the identifiers in it that tell whose they are wherever they stand."""
        if not self.words:
            return name
        parts = re.split(r"([^0-9A-Za-z]+)", name)
        for first in range(0, len(parts), 2):
            for last in range(len(parts), first, -1):
                if self.of("word", "".join(parts[first:last])) in self.words:
                    parts[first:last] = [FORGOTTEN, *[""] * (last - first - 1)]
        return "".join(parts)

    def with_also(self, hashes: Iterable[str]) -> Self:
        """Give the tombstones with those of identifiers that links say are of somebody who was forgotten."""
        return replace(self, also=tuple(sorted(set(hashes) - {hashed for hashed, _ in self.persons})))

    def install(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the macro `plait_tombstone(system, identifier)`, and the tables `tombstone`, `claim_tombstone` and `word_tombstone` (hash)."""
        con.execute(sql("plait.etl", "tombstones").replace("inner_key", self.keys[0]).replace("outer_key", self.keys[1]))
        for table, hashes in (("tombstone", self.hashes), ("claim_tombstone", self.claims), ("word_tombstone", self.words)):
            given = f"SELECT unnest(string_split({literal(','.join(sorted(hashes)))}, ',')) AS hash"  # one text: a list of many is slow to read
            con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS SELECT hash FROM ({given}) WHERE hash != ''")


NOBODY = Tombstones(("", ""))
"""Where nobody was forgotten."""


def read_tombstones(study: Path) -> Tombstones:
    """Give who was forgotten in a study; nobody, with new keys, where the study has no tombstones.

    Raises:
        StudyError: The file is damaged.
    """
    file = study / "private" / TOMBSTONES_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        inner, outer = content["keys"]
        persons = tuple((str(one["hash"]), int(one["person_id"])) for one in content["persons"])
        return Tombstones((inner, outer), persons, *(tuple(content[name]) for name in ("claims", "texts", "words")))
    except FileNotFoundError:
        return Tombstones((secrets.token_hex(32), secrets.token_hex(32)))
    except (ValueError, KeyError, TypeError):
        raise StudyError(
            file, expected="the tombstones of those who were forgotten", got="a file that is damaged", todo="Restore it from a copy: without it they come back."
        ) from None


def write_tombstones(study: Path, tombstones: Tombstones) -> None:
    """Keep the tombstones, readable by the study's owner alone, all at once."""
    content = {
        "keys": list(tombstones.keys),
        "persons": [{"hash": hashed, "person_id": person} for hashed, person in sorted(tombstones.persons, key=lambda one: (one[1], one[0]))],
        "claims": sorted(tombstones.claims),
        "texts": sorted(tombstones.texts),
        "words": sorted(tombstones.words),
    }
    write_private(study, TOMBSTONES_FILE, json.dumps(content, indent=1))


def write_private(study: Path, name: str, text: str) -> None:
    """Put a file into `private/`, all at once and so that it survives a loss of power."""
    folder = study / "private"
    folder.mkdir(exist_ok=True, mode=0o700)
    temporary = folder / f".{name}.tmp"
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / name)


def is_telling(identifier: str) -> bool:
    """Tell whether an identifier is long enough to tell whose it is wherever it stands: a 7 is everywhere."""
    return len(identifier) >= (_SHORTEST_NUMBER if identifier.isdecimal() else _SHORTEST)


def check_finished(study: Path) -> None:
    """Fail where a forgetting was stopped before its end: what is written now might carry the person on.

    Raises:
        StudyError: It was.
    """
    if (study / "private" / PENDING_FILE).exists():
        raise StudyError(
            study,
            expected="nobody who is half forgotten",
            got="a `plait forget` that was stopped",
            todo="Run `plait forget` again without a name: it ends what was begun.",
        )
