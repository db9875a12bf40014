"""Reads FHIR R4: a record for each resource of a folder, with an element a column and with what its references lead to.

The columns whose names begin with `_` are the reader's: `_place` (file and line, `#` and the number of a Bundle's entry or the
id of a contained resource), `_key` (the name by which others point to it), `_rule` (why it is left out whatever its type is:
a newer version of it is there, it was entered in error, or a modifier changes what it means), and those of `references.csv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from plait.duck import literal, parquet, quoted, sql
from plait.errors import InputFileError
from plait.etl.sources.fhir.attachments import TEXT, read_texts
from plait.etl.sources.fhir.split import OTHER, QUERIES, elements, read_table, reader_connection, split
from plait.etl.sources.reader import FAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

_ROWS = 8192
_OTHER_COLUMNS = ("_place", "resource_type", "resource")
_WITH_TEXT = frozenset({"DocumentReference", "DiagnosticReport"})


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give the types of resources that the source's folder holds.

    Raises:
        InputFileError: There are none.
    """
    del paths
    if not source.path.exists():
        return []
    found = elements(split(source))
    if not set(found) - {OTHER}:
        raise InputFileError(
            source.path,
            expected="FHIR resources: .ndjson or .json files, .gz or not",
            got="none of a type that this kind reads",
            todo="Mend 'path' in plait.yaml, or deliver them.",
        )
    return [(kind, source.path) for kind in sorted(found)]


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Give the columns of a type's records: the reader's, and the elements that its resources have."""
    del path
    if logical == OTHER:
        return _OTHER_COLUMNS
    own = _own_columns(logical)
    return (*own, *(name for name in elements(split(source)).get(logical, []) if name.lower() not in own))


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield the records of one type of resources, in the order of the files."""
    folder = split(source)
    kind = str(file.file)
    if not (folder / f"{kind}.parquet").is_file():
        return
    fields = pa.schema([(name, pa.string()) for name in (*file.header, FAULT)])
    with reader_connection(folder) as con:
        if kind in _WITH_TEXT:
            _load_documents(con, folder, kind)
        query = _other_query(folder) if kind == OTHER else _query(source, folder, kind, file.header)
        for batch in con.execute(query).to_arrow_reader(_ROWS):
            made = read_texts(source, batch) if kind in _WITH_TEXT else batch
            yield pa.record_batch([made.column(name).cast(pa.string()) for name in fields.names], schema=fields)


def _own_columns(kind: str) -> tuple[str, ...]:
    """Give the columns of a type's records that are no elements."""
    return ("_place", "_key", "_rule", *_references(kind), *(TEXT if kind in _WITH_TEXT else ()))


def _references(kind: str) -> dict[str, list[tuple[str, str]]]:
    """Give the columns that tell what a type's references lead to → (path, target), the first that is there first."""
    found: dict[str, list[tuple[str, str]]] = {"_person": []} if kind == "Patient" else {}
    for row in read_table("references.csv"):
        if row["resource"] == kind or (row["resource"] == "*" and kind not in _NOBODYS):
            found.setdefault(row["column"], []).append((row["path"], row["target"]))
    return found


def _load_documents(con: duckdb.DuckDBPyConnection, folder: Path, kind: str) -> None:
    """Make the table `document` of the texts that documents attach."""
    binary, own = folder / "Binary.parquet", folder / f"{kind}.parquet"
    there = binary.is_file()
    con.execute(f"CREATE TEMP VIEW binary_resource AS SELECT key, body FROM {parquet(binary if there else own)} WHERE {there}")
    con.execute(f"CREATE TEMP TABLE document AS {sql(QUERIES, 'document')}", {"file": str(own)})


def _query(source: Source, folder: Path, kind: str, columns: tuple[str, ...]) -> str:
    """Give the query for the records of a type: its elements, what its references lead to, and the rule that leaves it out."""
    references = _references(kind)
    own = _own_columns(kind)
    names = [name for name in columns if name not in own]
    asked = ", ".join(
        [f"json_extract_string(body, [{', '.join(literal(f'$.{name}') for name in names)}]) AS element", *(_asked(kind, *one) for one in references.items())]
    )
    joins = "\n".join(
        f"LEFT JOIN {parquet(folder / 'aliases.parquet')} AS a{place} ON a{place}.target = {literal(_target(choices))} AND a{place}.alias = r.{column}"
        for place, (column, choices) in enumerate(references.items())
    )
    given = [f"coalesce(a{place}.key, {_unmet(source, column)}) AS {column}" for place, column in enumerate(references)]
    given += [f"r.element[{place}] AS {quoted(name)}" for place, name in enumerate(names, 1)]
    if kind in _WITH_TEXT:
        joins += "\nLEFT JOIN document AS d ON r.n = d.n"
        given += [
            "d.attachment_text AS _text",
            "d.text_rule AS _text_rule",
            "d.text_fault AS _text_fault",
            "d.content AS _content",
            "d.charset AS _charset",
            "d.url AS _url",
        ]
    return (
        f"SELECT r.place AS _place, r.key AS _key, CASE WHEN fhir_instant(r.updated) < s.newest THEN 'superseded' ELSE r.rule END AS _rule, "
        f"{', '.join(given)}, r.fault AS {FAULT}\n"
        f"FROM (SELECT n, place, key, fault, {asked}, json_extract_string(body, '$.meta.lastUpdated') AS updated, fhir_rule(body) AS rule "
        f"FROM {parquet(folder / f'{kind}.parquet')}) AS r\n"
        f"LEFT JOIN {parquet(folder / f'{kind}.stale.parquet')} AS s ON r.key = s.key\n{joins}\nORDER BY r.n"
    )


def _asked(kind: str, column: str, choices: list[tuple[str, str]]) -> str:
    """Give the expression for the key that a reference names: the first of its elements that is there."""
    keys = [f"fhir_key(body, {literal(path)}, coalesce(home, key))" for path, _ in choices]
    if column == "_person":
        keys = ["key"] if kind == "Patient" else [*keys, "fhir_key(home_subject, '$', home)"]
    return f"coalesce({', '.join(keys)}) AS {column}"


def _target(choices: list[tuple[str, str]]) -> str:
    return choices[0][1] if choices else "person"


def _unmet(source: Source, column: str) -> str:
    """Give the expression for a key that no resource has: itself, or the identifier that it names in the source's person system."""
    if column != "_person":
        return f"r.{column}"
    prefix = f"?{source.system}|"
    return f"CASE WHEN starts_with(r.{column}, {literal(prefix)}) THEN substr(r.{column}, {len(prefix) + 1}) ELSE r.{column} END"


def _other_query(folder: Path) -> str:
    """Give the query for what is no resource that a SELECT of its own reads."""
    return (
        f"SELECT place AS _place, CASE WHEN fault IS NULL THEN declared_type END AS resource_type, body AS resource, fault AS {FAULT} "
        f"FROM {parquet(folder / f'{OTHER}.parquet')} ORDER BY n"
    )


_NOBODYS = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary"})
"""Types that are of no patient."""
