"""The key of an export: what makes new ids and shifts of dates, the same in tables, notes, images and molecular data.

Whoever has it can undo the export, and export the same persons under the same ids again. It is kept in the study's `private/`, or thrown away.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

KEYS_FOLDER = "private/exports"
"""Where a study keeps the keys of its exports."""

MOST_DAYS = 365
"""The most days by which dates are shifted."""

_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UID_ROOT = "2.25."
"""Root of UIDs that are made of a number of 128 bits (DICOM PS3.5, B.2)."""


@dataclass(frozen=True, slots=True)
class ExportKey:
    """A secret, and what follows from it.

    Attributes:
        secret: 32 random bytes.
        keeps_weekdays: Whether dates are shifted by whole weeks.
        numbered: Of a key that is kept, the highest `person_id` that there was at each use that had new ones.
    """

    secret: bytes = field(repr=False)
    keeps_weekdays: bool = False
    numbered: tuple[int, ...] = ()

    @classmethod
    def new(cls, *, keeps_weekdays: bool = False) -> Self:
        """Give a key that nobody has."""
        return cls(secrets.token_bytes(_BYTES), keeps_weekdays)

    @classmethod
    def kept(cls, study: Path, name: str, *, keeps_weekdays: bool = False, highest: int = 0) -> Self:
        """Give the key of this name that a study keeps; one that is not there yet is made and kept (mode 0600).

        With weekdays kept it is another secret than without: two shifts of the same person would narrow each other down.

        Args:
            study: The study's folder.
            name: The name.
            keeps_weekdays: Whether dates are shifted by whole weeks.
            highest: The highest `person_id` that there is. The file remembers it, so that whoever comes later is numbered behind all others.

        Raises:
            ConfigError: The name is no name of a file, or the file holds no key.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError("--key", expected="letters, digits, _ and -", got=f"'{name}'", todo="Choose another name.")
        file = study / KEYS_FOLDER / f"{name}.key"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(file, [secrets.token_hex(_BYTES)])
        try:
            written, *lines = file.read_text(encoding="ascii").splitlines()
            secret, numbered = bytes.fromhex(written), tuple(map(int, lines))
        except (ValueError, UnicodeDecodeError):
            secret, numbered = b"", ()
        if len(secret) != _BYTES:
            raise ConfigError(file, expected=f"{_BYTES} bytes in hexadecimal", got="something else", todo="Restore it from a copy, or name another key.")
        if highest > max(numbered, default=0):
            numbered = (*numbered, highest)
            made = file.with_suffix(f".{secrets.token_hex(4)}")
            _write(made, [secret.hex(), *map(str, numbered)])
            made.replace(file)
        used = hashlib.blake2b(b"weekdays", key=secret, digest_size=_BYTES).digest() if keeps_weekdays else secret
        return cls(used, keeps_weekdays, numbered)

    def uid(self, uid: str) -> str:
        """Give the UID that stands for a DICOM UID."""
        return _UID_ROOT + str(int.from_bytes(self._digest("uid", uid)[:16], "big"))

    def name(self, kind: str, text: str) -> str:
        """Give 16 hexadecimal digits that stand for a text of a kind, as a file's or a specimen's name is."""
        return self._digest(kind, text).hex()[:16]

    def make_pseudonyms(self, con: duckdb.DuckDBPyConnection, persons: str, name: str = "pseudonym") -> None:
        """Make the temporary table `pseudonym` (person_id, new_id, shift_days) of all persons of a SELECT with `person_id`.

        New ids are 1 to n in an order that nobody can tell; a shift is 1 to 365 days into the past, or 1 to 52 weeks. By a key that is kept, all
        persons that there were at its first use are numbered, whether they leave or not, then those who came until the next one, and so on: a new id
        is the same person's in each export, whoever else comes and goes.
        """
        from plait.duck import filled, sql

        query = sql("plait.export.deidentify", "pseudonyms").replace("chosen_person", f"({persons})")
        unit, most = (7, MOST_DAYS // 7) if self.keeps_weekdays else (1, MOST_DAYS)
        self._make(con, name, filled(query, {"unit": unit, "most": most, "numbered": self.numbered}))

    def make_numbers(self, con: duckdb.DuckDBPyConnection, table: str, ids: str) -> None:
        """Make the temporary table `new_<table>` (id, new_id) of a dimension table's ids, a SELECT with `id`, renumbered in an order that nobody can tell."""
        from plait.duck import filled, sql

        self._make(con, f"new_{table}", filled(sql("plait.export.deidentify", "numbers").replace("dimension_id", f"({ids})"), {"table": table}))

    def _make(self, con: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
        """Make a temporary table of a SELECT that has the secret as a variable: it is in no statement that an error could show, and gone afterwards."""
        from plait.duck import literal, quoted

        con.execute(f"SET VARIABLE export_secret = {literal(self.secret.hex())}")
        try:
            con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {query}")
        finally:
            con.execute("RESET VARIABLE export_secret")

    def _digest(self, kind: str, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self.secret, person=kind.encode()[:16]).digest()


def _write(file: Path, lines: Sequence[str]) -> None:
    """Write a new file that its owner alone can read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.writelines(f"{line}\n" for line in lines)
