"""What the last look at a package need not look at: small files of which the engine sees that they can hold nothing.

It knows less than `plait.export.scan` does, and clears less: what it does not clear is looked at there. Most packages of tables are cleared as a whole.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from plait.duck import filled, literal, parquet, quoted, sql
from plait.export.known.telling import EVERYWHERE_SHORTEST
from plait.export.scanning.finder import ANY_PATTERN, IDENTIFIERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import duckdb

_PACKAGE = "plait.export.known"
_LARGEST_TABLE = 64 << 20
"""Bytes of a Parquet file that is looked at as a whole."""
_LARGEST_TEXT = 1 << 20
_TEXTS = frozenset({".json", ".md", ".cff", ".csv", ".sql", ".txt", ".yaml"})
"""Suffixes of files that are texts."""
_PLAIN = ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "FLOAT", "DOUBLE", "DECIMAL")
"""How DuckDB's types begin of which no value is a text."""
_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"})


class Sieve:
    """Tells what can hold nothing that identifies.

    Args:
        con: A connection with the table `known_text` (see `plait.export.known.identifiers.gather`).
        allowed: Texts that may stand in metadata, as the contact's address.
        constants: Metadata of Parquet files that is plait's own, and the same in all packages.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, *, allowed: Iterable[str] = (), constants: Collection[str] = ()) -> None:
        self._con, self._allowed, self._constants = con, tuple(allowed), frozenset(constants)

    def clears(self, path: Path) -> bool:
        """Tell whether a file of a package, or a folder, can hold nothing that identifies, in its name or within."""
        if not self._clears_texts([path.name]):
            return False
        if path.is_dir():
            return True
        suffix, size = path.suffix.lower(), path.stat().st_size
        if suffix == ".parquet" and size <= _LARGEST_TABLE:
            return self._clears_table(path)
        return suffix in _TEXTS and size <= _LARGEST_TEXT and self._clears_document(path)

    @cached_property
    def _is_usable(self) -> bool:
        """Whether what is looked for is in ASCII, and so found by comparing signs; makes the temporary table `key_word`."""
        (others,) = self._con.execute("SELECT count(*) FROM known_text WHERE strlen(text_value) != length(text_value)").fetchone() or (1,)
        if not others:
            self._con.execute(f"CREATE OR REPLACE TEMP TABLE key_word AS {filled(sql(_PACKAGE, 'key_words'), {'shortest': EVERYWHERE_SHORTEST})}")
        return not others

    def _clears_table(self, path: Path) -> bool:
        """Tell whether a Parquet file can hold nothing: in what its columns are called, in its metadata and in its columns, of kinds that are known here."""
        names = [name for (name,) in self._con.execute(f"SELECT name FROM parquet_schema({literal(path)})").fetchall()]
        own = self._con.execute(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata({literal(path)})").fetchall()
        texts = [text for key, value in own if value not in self._constants for text in (key, value)]
        if any(key == "ARROW:schema" and value not in self._constants for key, value in own):
            return False  # a schema of Arrow has metadata of its own
        selects = []
        for name, kind, *_ in self._con.execute(f"DESCRIBE FROM {parquet(path)}").fetchall():
            column = quoted(name)
            if kind == "VARCHAR" or (kind in _WHOLE and IDENTIFIERS.search(name)):
                selects.append(f"SELECT DISTINCT CAST({column} AS VARCHAR) AS text_value FROM {parquet(path)}")
            elif kind == "VARCHAR[]":
                selects.append(f"SELECT unnest({column}) AS text_value FROM {parquet(path)}")
            elif kind not in _WHOLE and not kind.startswith(_PLAIN):
                return False
        return self._clears_texts([*names, *texts], " UNION ALL ".join(selects))

    def _clears_document(self, path: Path) -> bool:
        """Tell whether a text in ASCII without signs that stand for others can hold nothing."""
        content = path.read_bytes()
        if not content.isascii() or b"\\" in content or b"\0" in content:
            return False
        text = content.decode("ascii")
        for one in self._allowed:
            text = text.replace(one, "")
        return self._clears_texts(text.splitlines())

    def _clears_texts(self, texts: Collection[str], query: str = "") -> bool:
        """Tell whether texts can hold nothing, and those of a query (text_value)."""
        if not self._is_usable:
            return False
        given = f"SELECT unnest({filled('$texts', {'texts': list(texts)})}) AS text_value" if texts else ""
        looked_at = " UNION ALL ".join(filter(None, (given, query)))
        if not looked_at:
            return True
        statement = filled(sql(_PACKAGE, "sieve"), {"patterns": ANY_PATTERN}).replace("looked_at", f"({looked_at})")
        return self._con.execute(statement).fetchone() == (0,)
