"""Reads h5ad files: a record for each item (obs), and one for each feature (var); and the sheet that says more of the items."""

from __future__ import annotations

import difflib
import itertools
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from plait.errors import ConfigError, InputFileError
from plait.etl.sources.h5ad import H5adMatrix
from plait.etl.sources.inventory import check_text
from plait.etl.sources.matrix import AssayFacts, check_once
from plait.etl.sources.raw import csv_records
from plait.etl.sources.reader import FAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from plait.etl.sources.folder import Source
    from plait.etl.sources.inventory import InputFile

_TOLD = ("person", "specimen", "date", "known_time", "panel")
"""Options that say where something of an item stands: in obs, or in the sheet."""

_HEADERS = {
    "items": ("assay", "layer", "item", *_TOLD, "sheet_item", "features", "missing", "infinite", "negative", "value_sha256"),
    "features": ("assay", "feature", "gene"),
    "sheet": ("key", *_TOLD, FAULT),
}
_CHOICES: dict[str, tuple[str | None, ...]] = {"barcode": (None, "tcga"), "aliquots": ("all", "first", "mean")}
_BATCH = 4096


def find_files(source: Source, paths: Sequence[Path]) -> list[tuple[str | None, Path]]:
    """Give each h5ad file as its items and its features; nothing else is read."""
    del source
    return [(kind, path) for path in paths for kind in (("items", "features") if path.suffix == ".h5ad" else (None,))]


def header(source: Source, logical: str, path: Path) -> tuple[str, ...]:
    """Give the columns of the records that this module makes of a file, having checked it.

    Raises:
        InputFileError: The file is not what it should be.
        ConfigError: plait.yaml names a column that it does not have.
    """
    if logical == "sheet":
        _check_sheet(source, path)
        return _HEADERS[logical][:-1]
    for option, known in _CHOICES.items():
        if source.options.get(option) not in known:
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}",
                expected=" or ".join(map(str, known)),
                got=f"'{source.options[option]}'",
                todo="Mend the value.",
            )
    for option in ("person", "specimen"):
        _check_pattern(source, option)
    matrix = _matrix(source, path)
    for option in (*_TOLD, "sheet_item"):
        _column(source, matrix, option, matrix.obs)
    _column(source, matrix, "gene", matrix.var)
    return _HEADERS[logical]


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield a file's records: its items or its features, or the lines of the sheet."""
    if file.file == "sheet":
        yield from _sheet_records(source, file.path)
        return
    matrix = _matrix(source, file.path)
    facts = matrix.facts
    if file.file == "features":
        genes = _column(source, matrix, "gene", matrix.var)
        names = matrix.var.index.astype(str).tolist()
        yield _batch("features", [[facts.assay] * len(names), names, genes or names])
        return
    items = matrix.obs.index.astype(str).tolist()
    nobody: list[str | None] = [None] * len(items)
    columns = [_column(source, matrix, option, matrix.obs) or nobody for option in (*_TOLD, "sheet_item")]
    rows: list[tuple[str | None, ...]] = []
    for number, (digest, *counts) in enumerate(matrix.summaries()):
        told = (items[number], *(column[number] for column in columns))
        rows.append((facts.assay, facts.layer, *told, str(len(matrix.var)), *map(str, counts), digest))
        if len(rows) == _BATCH:
            yield _batch("items", [list(column) for column in zip(*rows, strict=True)])
            rows = []
    if rows:
        yield _batch("items", [list(column) for column in zip(*rows, strict=True)])


def matrix(source: Source, file: InputFile) -> H5adMatrix | None:
    """Give the matrix whose items are a file's records."""
    return _matrix(source, file.path) if file.file == "items" else None


def _matrix(source: Source, path: Path) -> H5adMatrix:
    said: dict[str, Any] = source.options
    name = said["assay"] if said.get("assay") and source.path == path else path.stem
    facts = AssayFacts(
        f"{source.name}.{name}",
        str(said["layer"]),
        said["aliquots"] == "mean",
        *(said.get(key) for key in ("genome_build", "platform", "pipeline", "unit", "barcode")),
    )
    return H5adMatrix(path, facts)


def _column(source: Source, matrix: H5adMatrix, option: str, frame: Any) -> list[str | None] | None:  # noqa: ANN401 - pandas has no types here
    """Give the column of obs or var that an option names, as text; None where the option is not set, or names one of the sheet."""
    said = source.options.get(option)
    if (said is None and option != "person") or (option in _TOLD and source.named and _of_sheet(said)):
        return None
    part = "var" if option == "gene" else "obs"
    where, _, name = str(said or "").partition(".")
    if where != part or (name != "index" and name not in frame):
        near = difflib.get_close_matches(name or str(said), [str(column) for column in frame], 1)
        raise ConfigError(
            f"plait.yaml: source '{source.name}', {option}",
            expected=f"'{part}.index', or '{part}.' and a column of {matrix.path.name}{', or of the sheet' if source.named and option in _TOLD else ''}",
            got="none" if said is None else f"'{said}'",
            todo=f"Did you mean '{part}.{near[0]}'?" if near else f"It has: {', '.join(map(str, frame.columns)) or 'none'}.",
        )
    values = frame.index.to_series() if name == "index" else frame[name]
    return [None if text is None or text != text else _text(text) for text in values.astype(object).tolist()]  # noqa: PLR0124 - NaN


def _check_pattern(source: Source, option: str) -> None:
    """Fail where the pattern within an option is none, has not one group, or has nothing to be found in."""
    pattern, named = source.options[f"{option}_pattern"], f"plait.yaml: source '{source.name}', {option}_pattern"
    if pattern is None:
        return
    if source.options[option] is None and not source.options["barcode"]:
        raise ConfigError(named, expected=f"the option '{option}', in which it is found", got="none", todo=f"Add '{option}'.")
    try:
        groups = re.compile(str(pattern)).groups
        pc.match_substring_regex(pa.array([""]), pattern=str(pattern))  # RE2, as DuckDB has it
    except (re.error, pa.ArrowInvalid) as error:
        raise ConfigError(named, expected="a regular expression (RE2)", got=f"'{pattern}' ({error})", todo="Mend the pattern.") from None
    if groups != 1:
        raise ConfigError(
            named,
            expected="a regular expression with one group, which is the identifier",
            got=f"'{pattern}', with {groups or 'none'}",
            todo="Put the identifier, and nothing else, into (…); a group for other ends is (?:…).",
        )


def _of_sheet(said: object) -> str | None:
    """Give the column of the sheet that an option names, None where it names none."""
    return str(said).removeprefix("sheet.") if str(said).startswith("sheet.") else None


def _sheet(source: Source, path: Path) -> tuple[list[str | None], Iterator[list[str]]]:
    """Give the columns of the sheet (None where one has no name), and its lines."""
    name = path.name.lower().removesuffix(".gz")
    lines = csv_records(path, source.encoding, "," if name.endswith(".csv") else "\t")
    _, columns = next(lines, (1, []))
    return [column.strip() or None for column in columns], (fields for _, fields in lines)


def _sheet_places(source: Source, path: Path, columns: list[str | None]) -> list[int | None]:
    """Give the places of the sheet's key and of what options name in it, None where they name nothing there."""
    places: list[int | None] = []
    for option in ("sheet_key", *_TOLD):
        said = source.options[option]
        part, name = ("", said) if option == "sheet_key" else ("sheet.", _of_sheet(said))
        is_missing = name not in columns if name is not None else option == "sheet_key"
        if is_missing:
            near = difflib.get_close_matches(str(name), [column for column in columns if column], 1)
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}",
                expected=("'sheet.' and " if part else "") + f"a column of {path.name}",
                got="none" if said is None else f"'{said}'",
                todo=f"Did you mean '{part}{near[0]}'?" if near else f"Name one of its {len(columns)} columns.",
            )
        places.append(None if name is None else columns.index(name))
    return places


def _check_sheet(source: Source, path: Path) -> None:
    """Fail where the sheet is no table, lacks a column, or has a column or an item twice."""
    if not path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        raise InputFileError(
            path,
            expected="a table as text: .csv, separated by commas, or .tsv, separated by tabs",
            got=f"'{path.suffix}'",
            todo="Save the sheet as one of them, and name that.",
        )
    check_text(path, source.encoding)
    columns, _ = _sheet(source, path)
    if not columns:
        raise InputFileError(path, expected="a header and lines", got="an empty file", todo="Deliver it again.")
    check_once(path, columns, "columns")
    _sheet_places(source, path, columns)
    keys = (batch.column("key").to_pylist() for batch in _sheet_records(source, path))
    check_once(path, [*itertools.chain.from_iterable(keys)], "items")


def _sheet_records(source: Source, path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the sheet's lines: their key, and what options name; a line of another width than the header is at fault."""
    columns, lines = _sheet(source, path)
    places = _sheet_places(source, path, columns)
    while some := list(itertools.islice(lines, _BATCH)):
        sound = [fields if len(fields) == len(columns) else None for fields in some]
        told = [[fields[place] or None if fields and place is not None else None for fields in sound] for place in places]
        yield _batch("sheet", [*told, [None if fields else "field_count" for fields in sound]])


def _text(value: object) -> str:
    """Give an identifier as text: a whole number that pandas holds as a float has no decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _batch(kind: str, columns: Sequence[Sequence[str | None]]) -> pa.RecordBatch:
    fields = pa.schema([(name, pa.string()) for name in _HEADERS[kind]])
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=fields)
