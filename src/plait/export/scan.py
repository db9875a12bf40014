"""The last look at a package: whether an identifier that the study knows, or what looks like one, stands anywhere in it.

Every decoded value of text, every whole number of a column that is called like an identifier, every name of a file or a column, and every word of
the metadata is looked at. What is found is told by its place and kind, never by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plait.duck import connect, literal, parquet, quoted, sql
from plait.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import duckdb

SHORTEST = 4
"""Identifiers shorter than this are not looked for: a 7 is everywhere."""

PATTERNS = {
    "an e-mail address": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}",
    "a telephone number": r"(^|[^\d.-])(\+\d{1,3}[ .-]?)?(\(\d{2,4}\)|\d{3})[ .-]\d{3}[ .-]\d{4}($|[^\d.-])",
    "a social security number": r"(^|[^\d-])\d{3}-\d{2}-\d{4}($|[^\d-])",
    "a medical record number": r"(?i)(^|[^a-z])(MRN|medical record (no|number)|patient (no|number|id))[ .:#]*[A-Z]{0,3}\d{4,}",
}
"""What looks like an identifier, as a regular expression (RE2)."""

WHOLE = frozenset({"INTEGER", "BIGINT", "UBIGINT", "HUGEINT"})
_TEXTS = {".json", ".md", ".cff", ".sql", ".txt", ".html", ""}
_TABLES = {".parquet", ".csv"}
_IDENTIFIERS = re.compile(r"(?i)mrn|patient|subject|case|sample|specimen|accession|identifier")
"""Columns of whole numbers that may hold identifiers; the CDM's ids are new ones."""

_SPLIT = re.compile(r"[\s,;:|/\\()\[\]{}\"'<>=]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that identifies, by its place.

    Attributes:
        place: A file, with a column where it is a table.
        kind: What it is: a known identifier, or what it looks like.
        count: How many values have it.
    """

    place: str
    kind: str
    count: int


def scan(folder: Path, identifiers: Iterable[str], *, allowed: Iterable[str] = ()) -> list[Hit]:
    """Give what identifies in a package.

    Args:
        folder: The package.
        identifiers: What the study knows persons by, in any system; whatever the case of letters.
        allowed: Texts that may stand in the metadata, as the contact's address.
    """
    known = sorted({text.strip().casefold() for text in identifiers if len(text.strip()) >= SHORTEST})
    con = connect()
    try:
        con.execute("CREATE TEMP TABLE known (identifier VARCHAR)")
        _insert(con, known)
        hits: list[Hit] = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            hits += _in_text(f"{name}/{path.stem}", "the name of a file", set(known), ())
            if path.suffix in _TABLES:
                hits += _in_table(con, path, name, set(known))
            elif path.suffix in _TEXTS:
                hits += _in_text(path.read_text(encoding="utf-8"), name, set(known), allowed)
        return hits
    finally:
        con.close()


def refuse(hits: Iterable[Hit]) -> None:
    """Fail where there is something.

    Raises:
        ExportError: There is; lists the places.
    """
    found = list(hits)
    if found:
        places = "; ".join(f"{hit.kind} in {hit.place} ({hit.count:,})" for hit in found[:10])
        raise ExportError(
            "the package",
            expected="nothing that identifies",
            got=places + ("; …" if len(found) > 10 else ""),  # noqa: PLR2004 - the first ten
            todo="Leave these columns out (policy.withhold), or mend the source; nothing was written.",
        )


def _insert(con: duckdb.DuckDBPyConnection, known: list[str]) -> None:
    import pyarrow as pa

    con.register("identifiers", pa.table({"identifier": pa.array(known, pa.string())}))
    con.execute("INSERT INTO known SELECT identifier FROM identifiers")
    con.unregister("identifiers")


def _in_table(con: duckdb.DuckDBPyConnection, path: Path, name: str, known: set[str]) -> Iterator[Hit]:
    place = parquet(path) if path.suffix == ".parquet" else f"read_csv({literal(path)}, header = true, all_varchar = true)"
    for column, kind, *_ in con.execute(f"DESCRIBE FROM {place}").fetchall():
        yield from _in_text(column, f"{name}, the column's name", known, ())
        if kind != "VARCHAR" and not (kind in WHOLE and _IDENTIFIERS.search(column)):
            continue
        values = f"(SELECT CAST({quoted(column)} AS VARCHAR) AS text_value FROM {place})"
        asked = sql("plait.export", "known_values").replace("examined", values)
        for label, count in con.execute(asked, {"is_text": kind == "VARCHAR"}).fetchall():
            yield Hit(f"{name}, column {column}", label, int(count))
        if kind == "VARCHAR":
            for label, pattern in PATTERNS.items():
                (count,) = con.execute(f"SELECT count(*) FROM {values} WHERE regexp_matches(text_value, $pattern)", {"pattern": pattern}).fetchone() or (0,)
                if count:
                    yield Hit(f"{name}, column {column}", label, int(count))


def _in_text(text: str, place: str, known: set[str], allowed: Iterable[str]) -> Iterator[Hit]:
    for one in allowed:
        text = text.replace(one, "")
    count = sum(token.casefold() in known for token in _SPLIT.split(text))
    if count or text.casefold() in known:
        yield Hit(place, "an identifier that the study knows", max(count, 1))
    for label, pattern in PATTERNS.items():
        found = sum(1 for _ in re.finditer(pattern, text, re.MULTILINE))
        if found:
            yield Hit(place, label, found)
