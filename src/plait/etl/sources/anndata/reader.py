"""Reads h5ad files: a record for each item (obs), and one for each feature (var); and the sheet that says more of the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from plait.errors import ConfigError, did_you_mean
from plait.etl.sources.h5ad import H5adMatrix
from plait.etl.sources.matrix import AssayFacts
from plait.etl.sources.reader import FAULT
from plait.etl.sources.sheet import check_pattern, check_sheet, column_of_sheet, sheet_records

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
        check_sheet(source, path, _TOLD)
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
        check_pattern(source, option)
    matrix = _matrix(source, path)
    for option in (*_TOLD, "sheet_item"):
        _column(source, matrix, option, matrix.obs)
    _column(source, matrix, "gene", matrix.var)
    return _HEADERS[logical]


def records(source: Source, file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield a file's records: its items or its features, or the lines of the sheet."""
    if file.file == "sheet":
        yield from sheet_records(source, file.path, _TOLD)
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
    if (said is None and option != "person") or (option in _TOLD and source.named and column_of_sheet(said)):
        return None
    part = "var" if option == "gene" else "obs"
    where, _, name = str(said or "").partition(".")
    if where != part or (name != "index" and name not in frame):
        columns = [str(column) for column in frame.columns]
        raise ConfigError(
            f"plait.yaml: source '{source.name}', {option}",
            expected=f"'{part}.index', or '{part}.' and a column of {matrix.path.name}{', or of the sheet' if source.named and option in _TOLD else ''}",
            got="none" if said is None else f"'{said}'",
            todo=did_you_mean(name or str(said), columns, f"It has: {', '.join(columns) or 'none'}.", before=f"{part}."),
        )
    values = frame.index.to_series() if name == "index" else frame[name]
    return [None if text is None or text != text else _text(text) for text in values.astype(object).tolist()]  # noqa: PLR0124 - NaN


def _text(value: object) -> str:
    """Give an identifier as text: a whole number that pandas holds as a float has no decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _batch(kind: str, columns: Sequence[Sequence[str | None]]) -> pa.RecordBatch:
    fields = pa.schema([(name, pa.string()) for name in _HEADERS[kind]])
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=fields)
