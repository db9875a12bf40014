"""`datapackage.json`: a Frictionless Data Package, and the data dictionary as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from plait.export.fair.extra import need_fair

if TYPE_CHECKING:
    from pathlib import Path

    from plait.export.fair.model import Column, Dataset, Party, TableFile

FILE = "datapackage.json"
DICTIONARY_FILE = "dictionary.csv"
DICTIONARY_COLUMNS = ("table", "column", "type", "description", "points_at", "values")


def write_datapackage(dataset: Dataset, folder: Path) -> None:
    """Write `datapackage.json`: a resource with its schema for each table.

    Raises:
        MissingExtraError: The extra `fair` is not installed.
    """
    with need_fair(FILE):
        from frictionless import Package
    package = Package.from_descriptor(
        {
            "name": dataset.name.lower(),
            "title": dataset.title,
            "description": dataset.about,
            "version": dataset.version,
            "created": f"{dataset.created.isoformat()}T00:00:00Z",
            "licenses": [{"name": dataset.license}] if dataset.license else [],
            "keywords": list(dataset.keywords),
            "contributors": _contributors(dataset),
            "resources": [_resource(table) for table in dataset.tables],
            **({"id": dataset.url} if dataset.url else {}),
            **({"homepage": dataset.url} if dataset.url and "://" in dataset.url else {}),
        }
    )
    package.to_json(str(folder / FILE))


def write_dictionary(dataset: Dataset, folder: Path) -> None:
    """Write `dictionary.csv`: a line for each column of each table, for people and spreadsheets."""
    with (folder / DICTIONARY_FILE).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(DICTIONARY_COLUMNS)
        for table in dataset.tables:
            for column in table.columns:
                values = "; ".join(f"{code} = {meaning}" for code, meaning in column.values)
                writer.writerow((table.name, column.name, column.kind, column.about, column.points_at or "", values))


def _resource(table: TableFile) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": [_field(column) for column in table.columns]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    return {
        "name": table.name.lower().replace(".", "-"),
        "path": table.path,
        "type": "table",
        "scheme": "file",
        "format": table.path.rsplit(".", 1)[-1],
        "mediatype": "text/csv" if table.path.endswith(".csv") else "application/parquet",
        "description": table.about,
        "schema": schema,
    } | ({"bytes": table.size_bytes, "hash": f"sha256:{table.sha256}"} if table.path.endswith(".csv") else {})  # it counts no bytes of Parquet


def _field(column: Column) -> dict[str, Any]:
    """Describe a column. Frictionless reads Parquet by way of pandas, where whole numbers with gaps between them are floating-point ones."""
    kind = "number" if column.kind == "integer" and not column.is_required else column.kind
    constraints: dict[str, Any] = {"required": True} if column.is_required else {}
    if column.values:
        constraints["enum"] = [code for code, _ in column.values]
    return {"name": column.name, "type": kind, "description": column.about} | ({"constraints": constraints} if constraints else {})


def _contributors(dataset: Dataset) -> list[dict[str, str]]:
    def one(party: Party, role: str) -> dict[str, str]:
        return {"title": party.name, "role": role} | ({"path": party.identifier} if party.identifier else {})

    found = [one(party, "author") for party in dataset.creators]
    return [*found, one(dataset.publisher, "publisher")] if dataset.publisher else found
