"""The sheet beside files that are no tables: a text table that says more of each, whose it is, when it was taken."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from plait.errors import ConfigError, InputFileError, did_you_mean
from plait.etl.sources.inventory import check_text
from plait.etl.sources.matrix import check_once
from plait.etl.sources.raw import csv_records
from plait.etl.sources.reader import FAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from plait.etl.sources.folder import Source

_BATCH = 4096


def column_of_sheet(said: object) -> str | None:
    """Give the column of the sheet that an option names, None where it names none."""
    return str(said).removeprefix("sheet.") if str(said).startswith("sheet.") else None


def _sheet(source: Source, path: Path) -> tuple[list[str | None], Iterator[list[str]]]:
    """Give the columns of the sheet (None where one has no name), and its lines."""
    name = path.name.lower().removesuffix(".gz")
    lines = csv_records(path, source.encoding, "," if name.endswith(".csv") else "\t")
    _, columns = next(lines, (1, []))
    return [column.strip() or None for column in columns], (fields for _, fields in lines)


def _places(source: Source, path: Path, columns: list[str | None], told: Sequence[str]) -> list[int | None]:
    """Give the places of the sheet's key and of what options name in it, None where they name nothing there."""
    places: list[int | None] = []
    for option in ("sheet_key", *told):
        said = source.options[option]
        part, name = ("", said) if option == "sheet_key" else ("sheet.", column_of_sheet(said))
        is_missing = name not in columns if name is not None else option == "sheet_key"
        if is_missing:
            raise ConfigError(
                f"plait.yaml: source '{source.name}', {option}",
                expected=("'sheet.' and " if part else "") + f"a column of {path.name}",
                got="none" if said is None else f"'{said}'",
                todo=did_you_mean(str(name), [column for column in columns if column], f"Name one of its {len(columns)} columns.", before=part),
            )
        places.append(None if name is None else columns.index(name))
    return places


def check_sheet(source: Source, path: Path, told: Sequence[str]) -> None:
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
    _places(source, path, columns, told)
    keys = (batch.column("key").to_pylist() for batch in sheet_records(source, path, told))
    check_once(path, [*itertools.chain.from_iterable(keys)], "items")


def sheet_records(source: Source, path: Path, told: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the sheet's lines: their key, and what options name; a line of another width than the header is at fault."""
    columns, lines = _sheet(source, path)
    places = _places(source, path, columns, told)
    while some := list(itertools.islice(lines, _BATCH)):
        sound = [fields if len(fields) == len(columns) else None for fields in some]
        values = [[fields[place] or None if fields and place is not None else None for fields in sound] for place in places]
        columns_of = [*values, [None if fields else "field_count" for fields in sound]]
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns_of], names=["key", *told, FAULT])


def check_pattern(source: Source, option: str) -> None:
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
