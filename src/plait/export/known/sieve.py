"""What the last look at a package need not look at: small files of which the engine sees that they can hold nothing.

It knows less than `plait.export.scan` does, and clears less: what it does not clear is looked at there. Most packages of tables are cleared as a whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from typing import TYPE_CHECKING, NamedTuple

from plait.duck import filled, literal, parquet, quoted, sql
from plait.export.known.telling import EVERYWHERE_SHORTEST
from plait.export.scanning.finder import ANY_PATTERN, IDENTIFIERS
from plait.validators.plan import WHOLE_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

_PACKAGE = "plait.export.known"
_LARGEST_TABLE = 64 << 20
"""Bytes of a Parquet file that is looked at as a whole."""
_LARGEST_TEXT = 1 << 20
"""Bytes of a text, and about as many of several, that are looked at at once."""
_MOST_FILES = 1000
_TEXTS = frozenset({".json", ".md", ".cff", ".csv", ".sql", ".txt", ".yaml"})
"""Suffixes of files that are texts."""
_OF_ARROW = b"ARROW:schema"
"""Key under which Arrow keeps a schema, which has metadata of its own."""
_PLAIN = ("BOOLEAN", "DATE", "TIME", "TIMESTAMP", "FLOAT", "DOUBLE", "DECIMAL")
"""How DuckDB's types begin of which no value is a text."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a file may hold: texts (its name, and what its columns are called), a document of lines, and SELECTs (text_value) of what stands in columns."""

    path: Path
    texts: tuple[str, ...]
    document: str = ""
    selects: tuple[str, ...] = ()


class Sieve:
    """Tells what can hold nothing that identifies.

    Args:
        con: A connection with the tables `known_text` (see `plait.export.known.identifiers.gather`) and `key_word`.
        allowed: Texts that may stand in metadata, as the contact's address.
        constants: Schemas of Arrow in Parquet files that are plait's own, and the same in all packages.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, *, allowed: Iterable[str] = (), constants: Collection[str] = ()) -> None:
        self._con, self._allowed, self._constants = con, tuple(allowed), {text.encode() for text in constants}

    def left(self, paths: Iterable[Path]) -> list[Path]:
        """Give the files and folders of a package of which it is not certain that nothing in them identifies, nor their names."""
        every = list(paths)
        if not self._is_usable():
            return every
        cleared = {path for lot in self._lots(every) for path in self._cleared(lot)}
        return [path for path in every if path not in cleared]

    def _is_usable(self) -> bool:
        """Tell whether what is looked for is in ASCII, and so found by comparing signs."""
        return self._con.execute("SELECT count(*) FROM known_text WHERE strlen(text_value) != length(text_value)").fetchone() == (0,)

    def _lots(self, paths: Sequence[Path]) -> Iterator[list[_Held]]:
        """Yield what files and folders may hold, as far as that is known here, so much at a time that it fits into memory."""
        tables = {}
        with _as_far_as_readable():
            tables = self._tables([path for path in paths if path.suffix.lower() == ".parquet" and path.is_file() and _is_small_table(path)])
        lot: list[_Held] = []
        signs = 0
        for path in paths:
            held = tables.get(path) or self._held(path)
            if held is None:
                continue
            lot.append(held)
            signs += len(held.document)
            if signs > _LARGEST_TEXT or len(lot) == _MOST_FILES:
                yield lot
                lot, signs = [], 0
        if lot:
            yield lot

    def _held(self, path: Path) -> _Held | None:
        """Give what a folder may hold, or a text in ASCII without signs that stand for others; None of any other file."""
        suffix = path.suffix.lower()
        if path.is_dir():
            return _Held(path, (path.name,))
        if suffix not in _TEXTS or not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
            return None
        content = path.read_bytes()
        is_data = suffix == ".csv"
        if not content.isascii() or any(sign in content for sign in (b"\\", b"\0", *([b"\r"] if is_data else []))):
            return None
        text = content.decode("ascii")
        for one in () if is_data else self._allowed:
            text = text.replace(one, "")
        return _Held(path, (path.name,), text)

    def _tables(self, paths: Sequence[Path]) -> dict[Path, _Held]:
        """Give what Parquet files may hold whose columns are of kinds that are known here: in their columns' names, in metadata and in columns."""
        if not paths:
            return {}
        files = f"[{', '.join(map(literal, paths))}]"
        fields: dict[str, list[_Field]] = {}
        for file, *field in self._con.execute(f"SELECT file_name, name, duckdb_type, num_children, field_id FROM parquet_schema({files})").fetchall():
            fields.setdefault(file, []).append(_Field(*field))
        metadata: dict[str, list[tuple[bytes, bytes]]] = {}
        for file, key, value in self._con.execute(f"SELECT file_name, key, value FROM parquet_kv_metadata({files})").fetchall():
            metadata.setdefault(file, []).append((key, value))
        held = {}
        for path in paths:
            told, own = fields.get(str(path), []), [pair for pair in metadata.get(str(path), []) if pair[0] != _OF_ARROW or pair[1] not in self._constants]
            selects = list(_selects(path, iter(told[1:])))
            is_plain = all(text.isascii() and text != _OF_ARROW for pair in own for text in pair) and all(field.id is None for field in told)
            if told and is_plain and None not in selects:
                texts = (path.name, *(field.name for field in told), *(text.decode("ascii") for pair in own for text in pair))
                held[path] = _Held(path, texts, selects=tuple(filter(None, selects)))
        return held

    def _cleared(self, lot: Sequence[_Held]) -> list[Path]:
        """Give the files that can hold nothing: all at once, or those of each half."""
        if self._clears(lot):
            return [one.path for one in lot]
        middle = len(lot) // 2
        return self._cleared(lot[:middle]) + self._cleared(lot[middle:]) if middle else []

    def _clears(self, lot: Sequence[_Held]) -> bool:
        """Tell whether nothing of this can identify."""
        texts = [text for one in lot for text in one.texts]
        given = f"SELECT unnest({filled('$texts', {'texts': texts})}) AS text_value"
        lines = (f"SELECT unnest(string_split({literal(one.document)}, chr(10))) AS text_value" for one in lot if one.document)
        looked_at = " UNION ALL ".join([given, *lines, *(select for one in lot for select in one.selects)])
        statement = filled(sql(_PACKAGE, "sieve"), {"patterns": ANY_PATTERN}).replace("looked_at", f"({looked_at})", 1)
        suspects = None
        with _as_far_as_readable():
            suspects = self._con.execute(statement).fetchone()
        return suspects == (0,)


class _Field(NamedTuple):
    """A field of a Parquet file: its name, DuckDB's type, the number of its parts, and an id that it was given."""

    name: str
    kind: str | None
    parts: int | None
    id: int | None


def _is_small_table(path: Path) -> bool:
    """Tell whether a file is small, and is itself what DuckDB reads by its path."""
    return path.stat().st_size <= _LARGEST_TABLE and not has_magic(str(path))


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


def _selects(path: Path, fields: Iterator[_Field]) -> Iterator[str | None]:
    """Yield the SELECT of the texts of each column, nothing of one that holds none, and None of one that is of no kind that is known here.

    Args:
        path: The file.
        fields: The columns, each with its parts after it.
    """
    names: set[str] = set()
    for name, kind, parts, _ in fields:
        column = quoted(name)
        if name.lower() in names:  # of which DuckDB reads the first
            yield None
        names.add(name.lower())
        if parts:
            between, of = next(fields, _NOTHING), next(fields, _NOTHING)  # a list has two levels
            if (parts, between.kind, between.parts, of.kind, of.parts) != (1, None, 1, "VARCHAR", None):
                yield None
                return
            yield f"SELECT unnest({column}) AS text_value FROM {parquet(path)}"
        elif kind == "VARCHAR" or (kind in WHOLE_TYPES and IDENTIFIERS.search(name)):
            yield f"SELECT DISTINCT CAST({column} AS VARCHAR) AS text_value FROM {parquet(path)}"
        else:
            yield "" if kind in WHOLE_TYPES or (kind or "").startswith(_PLAIN) else None


_NOTHING = _Field("", None, None, None)
