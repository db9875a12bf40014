"""Foreign CDMs as schemas of a connection: every table of the CDM is there, empty where the CDM has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import connect, literal
from plait.schema import cdm_tables, empty_select

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


def load_parquet(folder: Path) -> duckdb.DuckDBPyConnection:
    """Give a connection with the Parquet files of a folder as schema `cdm`, with the columns that they have (5.3 or 5.4)."""
    con = connect(threads=2)
    con.execute("CREATE SCHEMA cdm")
    for name, spec in cdm_tables().items():
        file = folder / f"{name}.parquet"
        con.execute(f"CREATE VIEW cdm.{name} AS {f'FROM {literal(file)}' if file.is_file() else empty_select(spec)}")
    return con


def load_csv(folder: Path) -> duckdb.DuckDBPyConnection:
    """Give a connection with the CSV files of a folder as tables of schema `cdm`, in the types of the CDM v5.4."""
    con = connect(threads=2)
    con.execute("CREATE SCHEMA cdm")
    for name, spec in cdm_tables().items():
        con.execute(f"CREATE TABLE cdm.{name} AS {empty_select(spec)}")
        file = folder / f"{name}.csv"
        if file.is_file():
            con.execute(f"INSERT INTO cdm.{name} BY NAME FROM read_csv({literal(file)}, all_varchar = true)")
    return con
