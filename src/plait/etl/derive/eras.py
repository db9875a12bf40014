"""Eras: rows of one person and one thing that lie close together, as one row.

The same SQL serves a shard of plait's own and any CDM: it reads views with the names and columns of the CDM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from plait.duck import make_view, sql

if TYPE_CHECKING:
    import duckdb

Era = Literal["condition_era", "drug_era", "dose_era"]

ERAS: tuple[Era, ...] = ("condition_era", "dose_era", "drug_era")
"""The tables of eras, in the order in which they are derived and stand in `plait.derivation`."""

DRUG_TABLES = ("drug_ingredient", "ingredient_strength", "quantity_unit")
"""What `prepare_drugs` makes."""

GAP_DAYS = 30
"""Days from an end to the next start that an era bridges (OMOP CDM v5.4: 31 days or more end it)."""

_PACKAGE = "plait.etl.derive"


def prepare_drugs(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that drug and dose eras look drugs up in; once per connection, its cursors share them.

    Args:
        con: Has the vocabulary's tables in a schema `vocabulary`, and a view or table `used_drug` whose
            `drug_concept_id` are the drugs that may occur.
    """
    con.execute(sql(_PACKAGE, "drug_ingredient"))


def derive(con: duckdb.DuckDBPyConnection, table: Era) -> str:
    """Make the eras of one table and give the query for its rows: the CDM's columns, in the order of the ids.

    Leaves the temporary tables `era` (one row an era) and `member` (one row of the CDM in an era, with
    `from_table` and `from_row_id`), which the next call replaces.

    Args:
        con: Has `condition_occurrence` or `drug_exposure` with the columns of the CDM (5.3 or 5.4), and for
            drugs the tables of `prepare_drugs`.
        table: The table of eras.
    """
    if table == "dose_era":
        make_view(con, "exposure_dose", sql(_PACKAGE, "exposure_dose"))
    return merge_spans(con, f"{table}_span", GAP_DAYS, table)


def merge_spans(con: duckdb.DuckDBPyConnection, spans: str, gap_days: int | None, rows: str) -> str:
    """Merge the spans that the file `spans` gives where at most `gap_days` lie between them, and give the query in the file `rows`.

    Without `gap_days` all spans of a person and series are one era.
    """
    make_view(con, "span", sql(_PACKAGE, spans))
    con.execute(sql(_PACKAGE, "member"), {"gap": gap_days})
    con.execute(sql(_PACKAGE, "era"))
    return sql(_PACKAGE, rows)
