"""`croissant.json`: MLCommons Croissant 1.1, with the fields of its RAI extension, by mlcroissant."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from plait.export.fair.extra import need_fair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from plait.export.fair.model import Column, DataFile, Dataset, Party, TableFile

FILE = "croissant.json"

_TYPES = {"integer": "INT64", "number": "FLOAT64", "boolean": "BOOL", "string": "TEXT", "date": "DATE", "datetime": "DATETIME"}
_ENCODINGS = {".parquet": "application/x-parquet", ".csv": "text/csv"}
_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
_CR = "http://mlcommons.org/croissant/"
_TEXT = "https://schema.org/Text"
_SPLITS = {"train": "cr:TrainingSplit", "valid": "cr:ValidationSplit", "test": "cr:TestSplit"}


def write_croissant(dataset: Dataset, folder: Path) -> None:
    """Write `croissant.json`: a RecordSet for each table, a field for each column, and what the RAI extension asks.

    Keys to other tables are told in words and in `datapackage.json`: whoever streams records joins what a reference points at first, and
    the CDM's tables point at one another in circles.

    Raises:
        MissingExtraError: The extra `fair` is not installed.
    """
    with need_fair("croissant.json"):
        import mlcroissant as mlc
    metadata = mlc.Metadata(
        ctx=mlc.Context(conforms_to=_CONFORMS_TO[0]),
        name=dataset.name,
        description=dataset.about,
        version=dataset.version,
        license=[dataset.license] if dataset.license else None,
        url=dataset.url,
        cite_as=f"{', '.join(party.name for party in dataset.creators)}: {dataset.title}, version {dataset.version}, {dataset.created.year}",
        creators=[_party(mlc, one) for one in dataset.creators],
        publisher=[_party(mlc, dataset.publisher)] if dataset.publisher else [],
        keywords=list(dataset.keywords),
        date_published=_midnight(dataset.created),
        date_created=_midnight(dataset.created),
        distribution=[*(_file(mlc, table) for table in dataset.tables), *_other_files(mlc, dataset.files)],
        record_sets=[*_code_lists(mlc, dataset), *(_record_set(mlc, table) for table in dataset.tables)],
        **_responsible(dataset),
    )
    content = metadata.to_json()
    content["conformsTo"] = _CONFORMS_TO
    (folder / FILE).write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def _responsible(dataset: Dataset) -> dict[str, Any]:
    """Give the fields of the RAI extension that there is something to say in."""
    missing = [f"{where}: {meaning}" + ("" if share is None else f" ({share:.1%} of rows)") for where, meaning, share in dataset.missing]
    rest = "In the CDM, what has no value is empty: checks.json tells the share of empty values of each field (measureValueCompleteness)."
    said = {
        "data_collection": " ".join([f"{dataset.collection}.", *(f"{one}." for one in dataset.coverage)]) if dataset.collection else None,
        "data_collection_missing_data": "\n".join([*missing, rest]),
        "data_collection_timeframe": [_midnight(day) for day in dataset.timeframe] if dataset.timeframe else None,
        "data_imputation_protocol": dataset.imputation,
        "data_preprocessing_protocol": [f"{step.name}: {step.about}" for step in dataset.history],
        "data_biases": [*dataset.biases, dataset.limits],
        "data_limitations": [dataset.limits],
        "data_use_cases": list(dataset.use_cases),
        "data_release_maintenance_plan": "What was given out is not changed: a later version of the study is a package of its own.",
        "personal_sensitive_information": [dataset.sensitive, *dataset.sensitive_kinds],
    }
    return {name: text for name, text in said.items() if text and text != [""]}


def _code_lists(mlc: Any, dataset: Dataset) -> list[Any]:  # noqa: ANN401 - of a package without types
    """Give RecordSets of what codes mean, and of the parts for training and testing."""
    made = []
    lists = {column.values for table in dataset.tables for column in table.columns if column.values}
    for number, values in enumerate(sorted(lists), 1):
        name = "reasons" if len(lists) == 1 else f"codes-{number}"
        data = [{f"{name}/code": code, f"{name}/meaning": meaning} for code, meaning in values]
        made.append(_inline(mlc, name, "What codes mean.", "https://schema.org/Enumeration", {"code": [_TEXT], "meaning": [_TEXT]}, data))
    parts = [part for part in _SPLITS if part in dict(dataset.splits)]
    if parts:
        data = [{"splits/name": part, "splits/url": _SPLITS[part]} for part in parts]
        made.append(_inline(mlc, "splits", "Parts for training and testing.", _CR + "Split", {"name": [_TEXT], "url": [_TEXT, _CR + "Split"]}, data))
    return made


def _inline(mlc: Any, name: str, about: str, kind: str, fields: dict[str, list[str]], data: list[dict[str, str]]) -> Any:  # noqa: ANN401 - of a package without types
    made = [mlc.Field(id=f"{name}/{field}", name=field, description=f"The {field}.", data_types=kinds) for field, kinds in fields.items()]
    return mlc.RecordSet(id=name, name=name, description=about, data_types=[kind], key=[f"{name}/{next(iter(fields))}"], fields=made, data=data)


def _file(mlc: Any, table: TableFile) -> Any:  # noqa: ANN401 - of a package without types
    suffix = "." + table.path.rsplit(".", 1)[-1]
    return mlc.FileObject(
        id=table.path,
        name=table.path,
        description=table.about,
        content_url=table.path,
        content_size=f"{table.size_bytes} B",
        encoding_formats=[_ENCODINGS[suffix]],
        sha256=table.sha256,
    )


def _other_files(mlc: Any, files: Sequence[DataFile]) -> Iterator[Any]:  # noqa: ANN401 - of a package without types
    """Yield a FileSet for each kind of file in a folder, and a FileObject for each other file: thousands of images are told in one line."""
    kinds: dict[tuple[str, str, str], list[DataFile]] = {}
    for file in files:
        kinds.setdefault((file.path.partition("/")[0] if "/" in file.path else "", PurePosixPath(file.path).suffix, file.media_type), []).append(file)
    for (folder, suffix, media_type), some in kinds.items():
        if len(some) == 1 or not folder:
            yield from (_other_file(mlc, file) for file in some)
        else:
            pattern = f"{folder}/**/*{suffix}"
            about = f"{some[0].about} There are {len(some):,}; SHA256SUMS has their hashes."
            yield mlc.FileSet(id=pattern, name=pattern, description=about, includes=[pattern], encoding_formats=[media_type])


def _other_file(mlc: Any, file: DataFile) -> Any:  # noqa: ANN401 - of a package without types
    return mlc.FileObject(
        id=file.path,
        name=file.path,
        description=file.about,
        content_url=file.path,
        content_size=f"{file.size_bytes} B",
        encoding_formats=[file.media_type],
        sha256=file.sha256,
    )


def _record_set(mlc: Any, table: TableFile) -> Any:  # noqa: ANN401 - of a package without types
    return mlc.RecordSet(
        id=table.name,
        name=table.name,
        description=table.about,
        key=[_id_of(table.name, column) for column in table.key] or None,
        fields=[_field(mlc, table, column) for column in table.columns],
    )


def _field(mlc: Any, table: TableFile, column: Column) -> Any:  # noqa: ANN401 - of a package without types
    return mlc.Field(
        id=_id_of(table.name, column.name),
        name=column.name,
        description=_about(column),
        data_types=[getattr(mlc.DataType, _TYPES[column.kind])],
        source=mlc.Source(file_object=table.path, extract=mlc.Extract(column=column.name)),
    )


def _id_of(table: str, column: str) -> str:
    """Give the id of a field: a part of an IRI, in which a `|` may not stand."""
    return f"{table}/{quote(column)}"


def _about(column: Column) -> str:
    """Give what a column says, and where its codes are told."""
    return f"{column.about} The codes and what they mean are a RecordSet of their own." if column.values else column.about


def _party(mlc: Any, party: Party) -> Any:  # noqa: ANN401 - of a package without types
    made = mlc.Person if party.kind == "person" else mlc.Organization
    return made(name=party.name, url=party.identifier)


def _midnight(day: dt.date) -> dt.datetime:
    """Give a day as mlcroissant takes it."""
    return dt.datetime.combine(day, dt.time())
