"""Which columns of a file were read, which left out by a rule, and which nobody accounts for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from plait.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile


_ALL = "*"
"""Name under `ignored` that stands for all columns which nothing reads."""


def column_fates(con: duckdb.DuckDBPyConnection, source: Source, files: list[InputFile]) -> list[tuple[str, str, str, str, str | None]]:
    """Give (source, file, column, fate, reason) of every column in the headers of a source's files.

    A column is `read` where a SELECT of that file (or, of a look-up, any SELECT) names it.
    """
    named = {select: _names(con, select.text, f"{select.file}.{select.shape}.sql") for select in source.selects}
    fates: dict[tuple[str, str], tuple[str, str | None]] = {}
    for file in files:
        if file.file is None:
            continue
        rule = source.rules.files[file.file]
        selects = source.selects if rule.lookup else source.selects_of(file.file)
        read = {name for select in selects for name in named[select]}
        ignored = {name.lower(): reason for name, reason in rule.ignored.items()}
        for column in file.header:
            if rule.unread is not None and not selects:
                fates[file.file, column] = ("ignored", rule.unread)
            elif column.lower() in read or "*" in read:
                fates[file.file, column] = ("read", None)
            elif column.lower() in ignored or _ALL in ignored:
                fates[file.file, column] = ("ignored", ignored.get(column.lower()) or ignored[_ALL])
            else:
                fates[file.file, column] = ("unaccounted", None)
    return [(source.name, file, column, fate, reason) for (file, column), (fate, reason) in sorted(fates.items())]


def _names(con: duckdb.DuckDBPyConnection, query: str, where: str) -> set[str]:
    """Give the lower-case names of all columns that a query mentions, `*` where it takes all of a file, in its outermost SELECT or as JSON."""
    row = con.execute("SELECT json_serialize_sql($query)", {"query": query}).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise ConfigError(where, expected="one SELECT statement", got=str(tree.get("error_message", "something else")).splitlines()[0], todo="Mend the SELECT.")
    statements = tree["statements"]
    if len(statements) != 1:
        raise ConfigError(where, expected="one SELECT statement", got=str(len(statements)), todo="Keep one SELECT in each file.")
    found = {str(node["column_names"][-1]).lower() for node in _walk(statements[0]) if node.get("class") == "COLUMN_REF"}
    outer = statements[0]["node"].get("select_list", [])
    if any(item.get("class") == "STAR" for item in outer) or any(node.get("function_name") == "to_json" for node in _walk(statements[0])):
        found.add("*")
    return found


def _walk(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a JSON tree
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)
