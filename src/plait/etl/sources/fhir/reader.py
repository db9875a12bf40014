"""Reads FHIR R4: a record for each resource of a folder, with an element a column and with what its references lead to.

The columns whose names begin with `_` are the reader's: `_place` (file and line, `#` and the number of a Bundle's entry or the
id of a contained resource), `_key` (the name by which others point to it), `_rule` (why it is left out whatever its type is:
a newer version of it is there, it was entered in error, or a modifier changes what it means), and those of `references.csv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from plait.duck import literal, parquet, quoted
from plait.errors import InputFileError
from plait.etl.sources.fhir.attachments import TEXT, read_texts
from plait.etl.sources.fhir.split import OTHER, TARGETS, elements, read_table, reader_connection, split
from plait.etl.sources.reader import FAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

_ROWS = 8192
_BATCH_BYTES = 64 << 20
_MOST_OTHERS = 100
"""How many elements that FHIR does not know a type may have as columns: nobody accounts for them, and they could be anything."""
_TAKEN = frozenset({FAULT, "_pointer"})
_OTHER_COLUMNS = ("_place", "resource_type", "resource")
_VISIT_TIMES = ("_visit_start", "_visit_end")
_DATED_BY_VISIT = frozenset({"Condition", "Procedure", "Observation", "MedicationRequest", "MedicationDispense", "ServiceRequest"})
"""Types whose resources, where they tell no time, are of the time of their encounter."""
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
    own, rule = _own_columns(logical), source.rules.files[logical]
    known = {*rule.columns, *rule.ignored}
    there = [name for name in elements(split(source)).get(logical, []) if name.lower() not in {*own, *_TAKEN}]
    spelt = {name.lower(): name for name in there if name in known}  # columns differ by more than the size of their letters
    others = {name.lower(): name for name in reversed(there) if name.lower() not in {one.lower() for one in known}}
    return (*own, *sorted(spelt.values()), *sorted(others.values())[:_MOST_OTHERS])


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield the records of one type of resources, in the order of the files."""
    folder = split(source)
    kind = str(file.file)
    if not (folder / f"{kind}.parquet").is_file():
        return
    fields = pa.schema([(name, pa.string()) for name in (*file.header, FAULT)])
    with reader_connection(folder) as con:
        if kind != OTHER:
            con.execute(_joined(source, folder, kind))
        query = _other_query(folder) if kind == OTHER else _query(folder, kind, file.header)
        for batch in con.execute(query).to_arrow_reader(_rows_each(folder / f"{kind}.parquet")):
            made = read_texts(source, batch) if kind in _WITH_TEXT else batch
            yield pa.record_batch([made.column(name).cast(pa.string()) for name in fields.names], schema=fields)


def _rows_each(path: Path) -> int:
    """Give how many records of a file fit a batch."""
    import pyarrow.parquet as pq

    found = pq.read_metadata(path)
    size = sum(found.row_group(number).total_byte_size for number in range(found.num_row_groups))
    return max(1, min(_ROWS, _BATCH_BYTES * int(found.num_rows) // max(int(size), 1)))


def _own_columns(kind: str) -> tuple[str, ...]:
    """Give the columns of a type's records that are no elements."""
    return ("_place", "_key", "_rule", *_references(kind), *(TEXT if kind in _WITH_TEXT else ()), *(_VISIT_TIMES if kind in _DATED_BY_VISIT else ()))


def _references(kind: str) -> dict[str, list[tuple[str, str]]]:
    """Give the columns that tell what a type's references lead to → (path, target), the first that is there first."""
    found: dict[str, list[tuple[str, str]]] = {"_person": []} if kind == "Patient" else {}
    for row in read_table("references.csv"):
        if row["resource"] == kind or (row["resource"] == "*" and kind not in _NOBODYS):
            found.setdefault(row["column"], []).append((row["path"], row["target"]))
    return found


def _joined(source: Source, folder: Path, kind: str) -> str:
    """Give the statement that makes the table `joined`: what is short of each resource and hangs on others, in the resources' order.

    It is joined with the resources by position, so that these, which may be long, need not be sorted.
    """
    references = _references(kind)
    own, aliases = parquet(folder / f"{kind}.parquet"), parquet(folder / "aliases.parquet")
    paths = [*_RULE_PATHS, *(f"{path}{end}" for choices in references.values() for path, _ in choices for end in _REFERENCE_ENDS)]
    asked, joins, given = _resolved(source, kind, paths, aliases)
    if kind in _WITH_TEXT:
        binary = folder / "Binary.parquet"
        held = _newest(binary) if binary.is_file() else f"FROM {own} WHERE false"
        joins += f"LEFT JOIN (SELECT DISTINCT ON (key) * {held} ORDER BY key, n) AS b ON b.key = r.binary_key\n"
        given += ", b.key IS NOT NULL AS in_binary, " + ", ".join(f"b.{column} AS b_{column}" for column in _TEXT_COLUMNS)
    if kind in _DATED_BY_VISIT:
        encounters = folder / "Encounter.parquet"
        times = "min(json_extract_string(body, '$.period.start')) AS began, max(json_extract_string(body, '$.period.end')) AS ended"
        held = _newest(encounters) if encounters.is_file() else f"FROM {own} WHERE false"
        joins += f"LEFT JOIN (SELECT key, {times} {held} GROUP BY key) AS v ON v.key = coalesce(a{list(references).index('_visit')}.key, r._visit)\n"
        given += ", v.began AS _visit_start, coalesce(v.ended, v.began) AS _visit_end"
    return (
        f"CREATE TEMP TABLE joined AS SELECT CASE WHEN fhir_instant(r.told[1]) < s.newest THEN 'superseded' "
        f"ELSE fhir_rule(r.told[2], r.told[3], r.told[4], r.told[5], r.told[6]) END AS _rule{given}\n"
        f"FROM (SELECT *{asked} FROM (SELECT n, key, home, home_subject, "
        f"json_extract_string(body, [{', '.join(map(literal, paths))}]) AS told, "
        f"CASE WHEN regexp_matches(url, '(^|/)Binary/|^urn:uuid:') THEN fhir_last(url) END AS binary_key FROM {own})) AS r\n"
        f"LEFT JOIN {parquet(folder / f'{kind}.stale.parquet')} AS s ON r.key = s.key\n{joins}ORDER BY r.n"
    )


def _newest(path: Path) -> str:
    """Give the FROM clause for the resources of a type but those of which a newer version is there."""
    stale = f"SELECT key AS stale, newest FROM {parquet(path.with_suffix('.stale.parquet'))}"
    updated = "fhir_instant(json_extract_string(body, '$.meta.lastUpdated'))"
    return f"FROM {parquet(path)} LEFT JOIN ({stale}) ON key = stale WHERE coalesce({updated} >= newest, true)"


def _resolved(source: Source, kind: str, paths: list[str], aliases: str) -> tuple[str, str, str]:
    """Give the SQL for the keys that references name, for the joins with what these are aliases of, and for what they lead to.

    A resource is parsed once: `told` holds what stands at each of `paths`.
    """
    asked = joins = given = ""
    for place, (column, choices) in enumerate(_references(kind).items()):
        target = choices[0][1] if choices else "person"
        types = str([name for name, of in TARGETS.items() if of == target])
        keys = []
        for path, _ in choices:
            first = paths.index(f"{path}{_REFERENCE_ENDS[0]}") + 1
            keys.append(f"fhir_pointed_to(told[{first}], told[{first + 1}], told[{first + 2}], coalesce(home, key), {types})")
            if column == "_person":  # of a group, say: it is of nobody else either
                keys.append(f"told[{first}]")
        if column == "_person":
            subject = ", ".join(f"json_extract_string(home_subject, '${end}')" for end in _REFERENCE_ENDS)
            keys = ["key"] if kind == "Patient" else [*keys, f"fhir_pointed_to({subject}, home, {types})"]
        asked += f", coalesce({', '.join(keys)}) AS {column}"
        joins += f"LEFT JOIN {aliases} AS a{place} ON a{place}.target = {literal(target)} AND a{place}.alias = r.{column}\n"
        given += f", coalesce(a{place}.key, {_unmet(source, column)}) AS {column}"
    return asked, joins, given


_RULE_PATHS = ("$.meta.lastUpdated", "$.status", "$.docStatus", "$.verificationStatus", "$.modifierExtension[0]", "$.link")
"""What decides, in this order, whether a resource of any type is left out."""

_REFERENCE_ENDS = (".reference", ".identifier.system", ".identifier.value")
"""What a reference consists of."""

_TEXT_COLUMNS = ("text", "content", "charset", "url", "text_rule", "text_fault")
"""Columns of the split files that tell of the text that a resource attaches."""


def _query(folder: Path, kind: str, columns: tuple[str, ...]) -> str:
    """Give the query for the records of a type: its elements, what its references lead to, and the rule that leaves it out."""
    own = _own_columns(kind)
    names = [name for name in columns if name not in own]
    given = [f"j.{column}" for column in (*_references(kind), *(_VISIT_TIMES if kind in _DATED_BY_VISIT else ()))]
    given += [f"r.element[{place}] AS {quoted(name)}" for place, name in enumerate(names, 1)]
    if kind in _WITH_TEXT:
        given += [f"CASE WHEN j.in_binary THEN j.b_{column} ELSE r.{column} END AS _{column}" for column in _TEXT_COLUMNS]
    elements_of = f"json_extract_string(body, [{', '.join(literal(f'$.{name}') for name in names)}]) AS element"
    return (
        f"SELECT r.place AS _place, r.key AS _key, j._rule, {', '.join([*given, f'r.fault AS {FAULT}'])}\n"
        f"FROM (SELECT *, {elements_of} FROM {parquet(folder / f'{kind}.parquet')}) AS r POSITIONAL JOIN joined AS j"
    )


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
        f"FROM {parquet(folder / f'{OTHER}.parquet')}"
    )


_NOBODYS = frozenset({"Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Binary"})
"""Types that are of no patient."""
