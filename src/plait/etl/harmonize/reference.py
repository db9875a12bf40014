"""The small tables that the harmonizer looks things up in: CSV files of concept ids, each with a note."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

from plait.duck import one_file, quoted, sql
from plait.etl.own_code import code_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb


_TABLES = {
    "domain_table": ("domain_tables", "'domain_id': 'VARCHAR', 'table_name': 'VARCHAR', 'note': 'VARCHAR'"),
    "type_concept": ("type_concepts", "'name': 'VARCHAR', 'concept_id': 'BIGINT', 'note': 'VARCHAR'"),
    "visit_class": ("visit_classes", "'concept_id': 'BIGINT', 'class': 'VARCHAR', 'note': 'VARCHAR'"),
    "operator_concept": ("operators", "'operator': 'VARCHAR', 'concept_id': 'BIGINT', 'note': 'VARCHAR'"),
    "named_concept": ("concepts", "'kind': 'VARCHAR', 'code': 'VARCHAR', 'concept_id': 'BIGINT', 'note': 'VARCHAR'"),
    "named_table": ("named_tables", "'kind': 'VARCHAR', 'name': 'VARCHAR', 'table_name': 'VARCHAR', 'note': 'VARCHAR'"),
    "cost_domain": ("cost_domains", "'table_name': 'VARCHAR', 'domain_id': 'VARCHAR', 'note': 'VARCHAR'"),
}


def load_reference(con: duckdb.DuckDBPyConnection, rules: Iterable[tuple[str, str, bool, str | None, str | None]]) -> None:
    """Make the reference tables, the sources' rules (name, visit_rollup, provider_from_visit, anchor, its date), and `code_concept`."""
    for table, (file, columns) in _TABLES.items():
        path = files("plait.etl.harmonize") / f"{file}.csv"
        con.execute(
            f"CREATE OR REPLACE TABLE {quoted(table)} AS FROM read_csv($path, hive_partitioning = false, header = true, columns = {{{columns}}})",
            {"path": one_file(path)},
        )
    con.execute("CREATE OR REPLACE TABLE source_rule (source VARCHAR, visit_rollup VARCHAR, provider_from_visit BOOLEAN, anchor VARCHAR, anchor_date DATE)")
    for rule in rules:
        con.execute("INSERT INTO source_rule VALUES (?, ?, ?, ?, ?)", rule)
    con.execute(sql("plait.etl.harmonize", "reference"))


def concept_of(kind: str, code: str) -> int:
    """Give the concept id of a named concept (`concept_of("cdm_version", "5.4")`)."""
    return next(int(row[2]) for row in _rows("concepts") if row[:2] == [kind, code])


def fact_domain(table: str) -> int:
    """Give the concept of the domain by which FACT_RELATIONSHIP names a table."""
    return next(int(row[1]) for row in _rows("named_tables") if (row[0], row[2]) == ("fact_domain", table))


def rules_digest() -> str:
    """Give a digest of plait's own code, SQL and reference tables, and of its engine: a part of every run's fingerprint."""
    rooms = ("", ".harmonize", ".omics", ".derive", ".notes", ".sources", ".vocabulary")
    return code_digest(*((f"plait.etl{room}", None) for room in rooms), ("plait.schema", None))


def _rows(file: str) -> list[list[str]]:
    """Give the rows of a reference CSV without its header."""
    text = (files("plait.etl.harmonize") / f"{file}.csv").read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))[1:]
