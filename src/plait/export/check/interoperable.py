"""Whether a package can be read with others: I1 to I3."""

from __future__ import annotations

import csv
import logging
import warnings
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from plait.duck import connect, quoted, sql
from plait.export.check.jsonld import record_fields, texts
from plait.export.check.opened import CROISSANT
from plait.export.check.outcome import Outcome, Test, absent, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from plait.export.check.opened import Opened

_OPEN = frozenset(
    (
        *(".parquet", ".csv", ".tsv", ".json", ".ndjson", ".jsonld", ".md", ".txt", ".cff", ".yaml", ".yml", ".sql", ".html", ".svg", ".xml"),
        *(".h5ad", ".h5mu", ".h5", ".zarr", ".npy", ".dcm", ".tif", ".tiff", ".png"),
    )
)
"""Formats whose description anybody can read and that have open programs."""

_CONCEPT = "_concept_id"


def _can_be_read(package: Opened) -> Outcome:
    if not package.metadata and not package.unread:
        return Outcome("fail", "there is no metadata file")
    faults = [f"{name} cannot be read ({why})" for name, why in package.unread.items()]
    for name in package.metadata:
        content = {CROISSANT: package.croissant}.get(name)
        if content is not None and "@context" not in content:
            faults.append(f"{name} has no @context")
    return verdict(faults, ", ".join(package.metadata))


def _croissant_is_valid(package: Opened) -> Outcome:
    if package.croissant is None:
        return absent(CROISSANT)
    try:
        import mlcroissant as mlc
    except ImportError:
        return Outcome("not tested here", "mlcroissant is not installed: pip install 'plait[fair]'")
    with _quiet():
        try:
            issues = mlc.Dataset(package.files[CROISSANT]).metadata.issues
        except mlc.ValidationError as error:
            return Outcome("fail", "mlcroissant: " + str(error).strip().splitlines()[-1].strip(" -"))
    return verdict([f"mlcroissant: {one}" for one in issues.errors], f"mlcroissant finds no error, warnings: {len(issues.warnings)}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries say beside their answer to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _formats_are_open(package: Opened) -> Outcome:
    if not package.files:
        return Outcome("fail", "there is no file")
    suffixes = {PurePosixPath(name).suffix.lower() for name in package.files if not _is_within(name, ".zarr")} - {""}
    return verdict([f"'{suffix}' is none that is known as open" for suffix in sorted(suffixes - _OPEN)], ", ".join(sorted(suffixes)))


def _tables_can_be_read(package: Opened) -> Outcome:
    if not package.tables:
        return absent("table")
    faults = [f"{name} cannot be read ({why})" for name in package.tables if isinstance(why := package.columns[name], str)]
    return verdict(faults, f"{len(package.tables):,} tables open in DuckDB")


def _concepts_are_told(package: Opened) -> Outcome:
    place = next((name for name in package.tables if PurePosixPath(name).stem == "concept" and PurePosixPath(name).parent.name != "twin"), None)
    if place is None:
        return _vocabularies_are_named(package)
    con = connect()
    faults, total = [], 0
    try:
        con.execute(f"CREATE VIEW known_concept AS FROM {package.source(place)}")
        siblings = [name for name in package.tables if PurePosixPath(name).parent == PurePosixPath(place).parent and name != place]
        for name in siblings:
            for column in [column for column in package.columns[name] if column.endswith(_CONCEPT)]:
                concepts, unknown = _counted(con, package.source(name), column)
                total += concepts
                if unknown:
                    faults.append(f"{unknown:,} concepts of {PurePosixPath(name).stem}.{column} are not told")
    finally:
        con.close()
    return verdict(faults, f"{total:,} uses of OMOP concepts, each told in {place} with its vocabulary and code")


def _counted(con: duckdb.DuckDBPyConnection, source: str, column: str) -> tuple[int, int]:
    asked = sql("plait.export.check", "concepts").replace("FROM occurring", f"FROM (SELECT {quoted(column)} AS concept_id FROM {source})")
    concepts, unknown = con.execute(asked).fetchone() or (0, 0)
    return int(concepts), int(unknown or 0)


def _vocabularies_are_named(package: Opened) -> Outcome:
    """Look at a table of figures whose rows name a concept and its vocabulary."""
    for name in package.tables:
        found = package.columns[name]
        if not isinstance(found, str) and {"concept_id", "vocabulary_id"} <= {*found}:
            with package.files[name].open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            lacking = sum(not row["vocabulary_id"] for row in rows if row["concept_id"] not in {"", "0"})
            faults = [f"{lacking:,} concepts of {name} have no vocabulary"] if lacking else []
            return verdict(faults, f"{len(rows):,} rows of {name} name concept and vocabulary")
    return absent("table with OMOP concepts")


def _types_are_uris(package: Opened) -> Outcome:
    if package.croissant is None:
        return absent(CROISSANT)
    faults, count = [], 0
    for one in record_fields(package.croissant):
        kinds = texts(one.get("dataType"))
        count += len(kinds)
        faults += [f"{one.get('@id')} is of '{kind}'" for kind in kinds if ":" not in kind]
        if one.get("@type") == "cr:Field" and not kinds:
            faults.append(f"{one.get('@id')} has no type")
    return verdict(faults, f"{count:,} types of fields are terms of vocabularies with a URI")


def _references_lead_somewhere(package: Opened) -> Outcome:
    if not package.dictionary or "points_at" not in package.dictionary[0]:
        return absent("dictionary that says what columns point at")
    known = {(row["table"], row["column"]) for row in package.dictionary}
    tables = {table for table, _ in known}
    pointing = [(row, *row["points_at"].partition(".")[::2]) for row in package.dictionary if "." in row["points_at"]]
    faults = [
        f"{row['table']}.{row['column']} points at {table}.{column}" for row, table, column in pointing if table in tables and (table, column) not in known
    ]
    return verdict(faults, f"{len(pointing):,} columns say what they point at")


def _is_within(name: str, suffix: str) -> bool:
    return any(part.endswith(suffix) for part in PurePosixPath(name).parts[:-1])


TESTS = (
    Test("I1", "metadata files can be read", "required", _can_be_read),
    Test("I1", "croissant.json is valid", "required", _croissant_is_valid),
    Test("I1", "formats are open", "required", _formats_are_open),
    Test("I1", "tables can be read", "required", _tables_can_be_read),
    Test("I2", "concepts are told, with their vocabularies", "required", _concepts_are_told),
    Test("I2", "types of fields are terms with a URI", "recommended", _types_are_uris),
    Test("I3", "columns that point at others say at which", "required", _references_lead_somewhere),
)
"""Tests of what can be read with others."""
