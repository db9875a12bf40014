"""What the last look at a package need not look at: small files of which the engine sees that they can hold nothing.

It knows less than `plait.export.scan` does, and clears less: what it does not clear is looked at there. Most packages of tables are cleared as a whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import filled, literal, parquet, quoted, sql
from plait.export.known.telling import EVERYWHERE_SHORTEST
from plait.export.scanning.finder import ANY_PATTERN, IDENTIFIERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import duckdb

_PACKAGE = "plait.export.known"
_LARGEST_TABLE = 64 << 20
"""Bytes of a Parquet file that is looked at as a whole."""
_LARGEST_TEXT = 1 << 20
_TEXTS = frozenset({".json", ".md", ".cff", ".csv", ".sql", ".txt", ".yaml"})
"""Suffixes of files that are texts."""
_OF_ARROW = b"ARROW:schema"
"""Key under which Arrow keeps a schema, which has metadata of its own."""
_PLAIN = ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "FLOAT", "DOUBLE", "DECIMAL")
"""How DuckDB's types begin of which no value is a text."""
_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"})


@dataclass(frozen=True, slots=True)
class _Held:
    """What a file may hold: texts, and SELECTs (text_value) of what stands in its columns."""

    texts: tuple[str, ...]
    selects: tuple[str, ...] = ()


class Sieve:
    """Tells what can hold nothing that identifies.

    Args:
        con: A connection with the tables `known_text` (see `plait.export.known.identifiers.gather`) and `key_word`.
        allowed: Texts that may stand in metadata, as the contact's address.
        constants: Metadata of Parquet files that is plait's own, and the same in all packages.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, *, allowed: Iterable[str] = (), constants: Collection[str] = ()) -> None:
        self._con, self._allowed, self._constants = con, tuple(allowed), {text.encode() for text in constants}

    def left(self, paths: Iterable[Path]) -> list[Path]:
        """Give the files and folders of a package of which it is not certain that nothing in them identifies, nor their names."""
        every = list(paths)
        if not self._is_usable():
            return every
        held = {path: told for path in every if (told := self._held(path)) is not None}
        tables = [path for path in every if path.suffix.lower() == ".parquet" and path.is_file() and path.stat().st_size <= _LARGEST_TABLE]
        with _as_far_as_readable():
            held |= self._held_in_tables(tables)
        if self._clears(*held.values()):
            return [path for path in every if path not in held]
        return [path for path in every if path not in held or not self._clears(held[path])]

    def _is_usable(self) -> bool:
        """Tell whether what is looked for is in ASCII, and so found by comparing signs."""
        return self._con.execute("SELECT count(*) FROM known_text WHERE strlen(text_value) != length(text_value)").fetchone() == (0,)

    def _held(self, path: Path) -> _Held | None:
        """Give what a folder may hold, or a text in ASCII without signs that stand for others; None of any other file."""
        if path.is_dir():
            return _Held((path.name,))
        if path.suffix.lower() not in _TEXTS or path.stat().st_size > _LARGEST_TEXT:
            return None
        content = path.read_bytes()
        if not content.isascii() or b"\\" in content or b"\0" in content:
            return None
        text = content.decode("ascii")
        for one in self._allowed:
            text = text.replace(one, "")
        return _Held((path.name, *text.splitlines()))

    def _held_in_tables(self, paths: Sequence[Path]) -> dict[Path, _Held]:
        """Give what Parquet files may hold whose columns are of kinds that are known here: in their columns' names, in metadata and in columns."""
        if not paths:
            return {}
        files = f"[{', '.join(map(literal, paths))}]"
        fields: dict[Path, list[tuple[str, str | None, int]]] = {path: [] for path in paths}
        for file, name, kind, parts in self._con.execute(f"SELECT file_name, name, duckdb_type, num_children FROM parquet_schema({files})").fetchall():
            fields[Path(file)].append((name, kind, parts or 0))
        metadata: dict[Path, list[bytes]] = {path: [] for path in paths}
        for file, key, value in self._con.execute(f"SELECT file_name, key, value FROM parquet_kv_metadata({files})").fetchall():
            if value not in self._constants:
                metadata[Path(file)] += [key, value]
        held = {}
        for path in paths:
            selects = list(_selects(path, iter(fields[path][1:])))
            if None not in selects and all(text.isascii() and text != _OF_ARROW for text in metadata[path]):
                texts = (path.name, *(name for name, _, _ in fields[path]), *(text.decode("ascii") for text in metadata[path]))
                held[path] = _Held(texts, tuple(filter(None, selects)))
        return held

    def _clears(self, *held: _Held) -> bool:
        """Tell whether nothing of this can identify."""
        texts = [text for one in held for text in one.texts]
        given = [f"SELECT unnest({filled('$texts', {'texts': texts})}) AS text_value"] if texts else []
        looked_at = " UNION ALL ".join([*given, *(select for one in held for select in one.selects)])
        if not looked_at:
            return True
        statement = filled(sql(_PACKAGE, "sieve"), {"patterns": ANY_PATTERN}).replace("looked_at", f"({looked_at})")
        suspects = None
        with _as_far_as_readable():
            suspects = self._con.execute(statement).fetchone()
        return suspects == (0,)


@contextmanager
def _as_far_as_readable() -> Iterator[None]:
    """Leave what the engine cannot read to the last look, which says where it is."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.InterruptException):
        raise
    except duckdb.Error:
        return


def find_key_words(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `key_word` (word) of the texts in `known_text`, as far as they are in ASCII."""
    con.execute(f"CREATE OR REPLACE TABLE key_word AS {filled(sql(_PACKAGE, 'key_words'), {'shortest': EVERYWHERE_SHORTEST})}")


def _selects(path: Path, fields: Iterator[tuple[str, str | None, int]]) -> Iterator[str | None]:
    """Yield the SELECT of the texts of each column, nothing of one that holds none, and None of one that is of no kind that is known here.

    Args:
        path: The file.
        fields: The columns, each with its parts after it: name, DuckDB's type, and the number of parts.
    """
    for name, kind, parts in fields:
        column = quoted(name)
        if parts:
            (_, between, inner), (_, of, more) = next(fields), next(fields, ("", None, 1))  # a list has two levels
            is_texts = (parts, between, inner, of, more) == (1, None, 1, "VARCHAR", 0)
            yield f"SELECT unnest({column}) AS text_value FROM {parquet(path)}" if is_texts else None
            if not is_texts:
                return
        elif kind == "VARCHAR" or (kind in _WHOLE and IDENTIFIERS.search(name)):
            yield f"SELECT DISTINCT CAST({column} AS VARCHAR) AS text_value FROM {parquet(path)}"
        else:
            yield "" if kind in _WHOLE or (kind or "").startswith(_PLAIN) else None
