"""`plait export omop`: the CDM without what identifies, as Parquet or CSV with the DDL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from plait.duck import literal, quoted, sql
from plait.export.deidentify import tables
from plait.export.outgoing import Left, leaving, leaving_tables, need_row_level
from plait.progress import silent
from plait.schema import VOCABULARY_TABLES, cdm_tables, ddl, empty_select

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import duckdb

    from plait.etl.commit import Version
    from plait.progress import Progress
    from plait.settings import Settings

Format = Literal["parquet", "csv"]

_VOCABULARY = ("vocabulary", "domain", "concept_class", "relationship", "concept", "concept_relationship", "concept_ancestor", "concept_synonym")
"""Tables of the vocabulary of which the concepts that occur are written; the others stay empty."""

_COPY = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(Left):
    """What was written.

    Attributes:
        tables: Rows of each table.
        withheld: Tables that stayed in the study, though they have rows.
        fields: What was done to the fields, by action: their number.
        older: Persons whose birth was generalised, for they got older than 89.
    """

    tables: Mapping[str, int]
    withheld: tuple[str, ...]
    fields: Mapping[str, int]
    older: int


def export_omop(  # noqa: PLR0913 - each is a choice of the user's
    study: Path,
    version: Version,
    settings: Settings,
    target: Path,
    *,
    row_level: bool,
    chosen: Collection[str] = (),
    format: Format = "parquet",  # noqa: A002 - the word for it
    key: str | None = None,
    memory: str | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write the CDM of a version, de-identified, into a new folder: a file for each table, the DDL, and the hashes.

    Args:
        study: The study's folder.
        version: The version.
        settings: Its policy says how small a cell may be, whether weekdays stay, and what is withheld.
        target: The folder.
        row_level: That rows of patients may leave; without it nothing of a CDM could.
        chosen: Tables whose rows leave; all that may if empty.
        format: `parquet`, or `csv`.
        key: Name of the key in `private/`; without one, that of the policy, or a new key that is thrown away.
        memory: DuckDB's memory limit (`"4GiB"`), half of the machine if None.
        threads: Threads to use, all cores if None.
        progress: Hears of rows that were written.

    Raises:
        ConfigError: Row level was not asked for, or something is in the target's place.
        ExportError: A check of severity `error` fails, the policy withholds a chosen table, something identifies, or persons are less alike than the
            policy asks. Nothing is written.
    """
    need_row_level("plait export omop", row_level=row_level)
    leave = leaving_tables(settings.policy, chosen)
    with leaving(study, version, settings, target, key=key, has_notes="note" in leave, memory=memory, threads=threads, progress=progress) as out:
        written = write_tables(out.con, out.folder, format, leave, progress)
        for dialect in ("duckdb", "postgresql"):
            statements = ddl(dialect, schemas={"cdm": "cdm"})
            (out.folder / f"ddl_{dialect}.sql").write_text(";\n\n".join(statement.strip() for statement in statements) + ";\n", encoding="utf-8")
        counted = dict(out.con.execute(sql("plait.export", "counts")).fetchall())
        held = [name for name in cdm_tables() if name not in {*leave, *VOCABULARY_TABLES} and _has_rows(out.con, name)]
        hashes = out.seal()
    actions = [field.action for name in written for field in tables.treatments().get(name, ())]
    return Exported(
        tables=written,
        withheld=tuple(held),
        fields={action: actions.count(action) for action in sorted(set(actions))},
        older=counted["older"],
        **out.left(target, hashes),
    )


def write_tables(con: duckdb.DuckDBPyConnection, folder: Path, form: Format, leave: Collection[str], progress: Progress = silent) -> dict[str, int]:
    """Write each table of the CDM, de-identified, and the concepts that occur, and give their rows.

    Args:
        con: A connection that `plait.export.deidentify.tables.prepare` prepared.
        folder: Where the files go.
        form: What they are written as.
        leave: Tables whose rows are written; of the others, only the columns are.
        progress: Hears of rows that were written.
    """
    written: dict[str, int] = {}
    for name, spec in cdm_tables().items():
        if name not in _VOCABULARY:
            written[name] = _write(con, tables.select(name) if name in leave else empty_select(spec), folder / f"{name}.{form}", form)
            progress("export", written[name])
    _find_concepts(con, [name for name in written if name in leave])
    for name in _VOCABULARY:
        written[name] = _write(con, sql("plait.export.vocabulary", name), folder / f"{name}.{form}", form)
    return written


def _find_concepts(con: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
    """Make the temporary table `used` of the concepts that occur in tables, and of those that stand for their domains, classes and vocabularies.

    They are those of the rows that leave: what only they have who withhold something stands in no table, and must not stand among the concepts.
    """
    keys = [(name, field.name) for name in names for field in cdm_tables()[name].fields if field.foreign_key == "concept.concept_id"]
    occurring = " UNION ".join(f"SELECT {quoted(field)} AS concept_id FROM ({tables.select(name, in_order=False)})" for name, field in keys)
    con.execute(f"CREATE OR REPLACE TEMP TABLE used AS {occurring}")
    while con.execute(sql("plait.export.vocabulary", "terms")).fetchone() != (0,):
        pass


def _write(con: duckdb.DuckDBPyConnection, query: str, file: Path, form: Format) -> int:
    row = con.execute(f"COPY ({query}) TO {literal(file)} ({_COPY[form]})").fetchone()
    return int(row[0]) if row else 0


def _has_rows(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return con.execute(f"SELECT 1 FROM cdm.{quoted(table)} LIMIT 1").fetchone() is not None
