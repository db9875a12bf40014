"""The tables of a shard that follow from its others: derived, or as a CDM declares them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plait.duck import make_view, parquet, quoted, sql
from plait.etl.adopted import DERIVED, PREFIX
from plait.etl.derive.eras import ERAS, derive
from plait.etl.derive.periods import derive_periods
from plait.etl.harmonize.adopt import Writer, adopt_derived

if TYPE_CHECKING:
    import duckdb

    from plait.settings import ObservationPeriodSettings

EVENT_TABLES = ("condition_occurrence", "drug_exposure", "procedure_occurrence", "device_exposure", "measurement", "observation", "specimen")
"""The tables of what happened to a person."""

_PACKAGE = "plait.etl.harmonize"
_DERIVE = "plait.etl.derive"


def write_derived(con: duckdb.DuckDBPyConnection, writer: Writer, periods: ObservationPeriodSettings, adopted: tuple[str, ...]) -> None:
    """Write the tables that follow from the shard's own, and what each of their rows is made of."""
    con.execute("CREATE OR REPLACE TEMP TABLE rebuilt (table_name VARCHAR, person_id BIGINT)")
    for table in ERAS:
        _keep_declared(con, writer.staged, periods, table, adopted)
        _see(con, writer, table)
        writer.cdm(table, derive(con, table))
        con.execute(sql(_DERIVE, "derivation"), {"table": table})
    _keep_declared(con, writer.staged, periods, "observation_period", adopted)
    _see(con, writer, "observation_period")
    writer.cdm("observation_period", derive_periods(con, periods))
    if periods.rule == "source":
        con.execute(sql(_DERIVE, "period_lineage"))
    else:
        con.execute(sql(_DERIVE, "derivation"), {"table": "observation_period"})
    for declared in (name for name in DERIVED if PREFIX + name in adopted):
        adopt_derived(con, writer, declared)
    _see(con, writer, "dose_era")  # for what is noticed of doses
    writer.book("derivation", "FROM derivation")
    con.execute(sql(_DERIVE, "derived_known"))


def _bases(table: str) -> tuple[str, ...]:
    """Give the tables that a derived one is made of."""
    base = DERIVED[table]
    return (base,) if base is not None else ("visit_occurrence", "payer_plan_period", *EVENT_TABLES)


def _keep_declared(
    con: duckdb.DuckDBPyConnection, staged: dict[str, list[str]], periods: ObservationPeriodSettings, table: str, adopted: tuple[str, ...]
) -> None:
    """Make the table `kept_TABLE` of the persons whose rows of a derived table are those that a CDM declares."""
    shape = PREFIX + table
    if shape not in adopted:
        con.execute("CREATE OR REPLACE TEMP TABLE kept (person_id BIGINT)")
    else:
        declaring = sorted({Path(file).parent.name for file in staged[shape]})
        if table == "observation_period" and periods.rule == "source":
            con.execute("INSERT INTO rebuilt SELECT DISTINCT 'observation_period', person_id FROM period_row")
        told = {"table": table, "bases": list(_bases(table)), "declaring": declaring}
        con.execute(sql(_PACKAGE, "rebuilt"), told)
        con.execute(sql(_PACKAGE, "kept"), told | {"live": f"live_{shape}"})
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(f'kept_{table}')} AS FROM kept")


def _see(con: duckdb.DuckDBPyConnection, writer: Writer, table: str) -> None:
    """Make the views of what a table is derived of: all rows but those of persons whose rows of this table a CDM declares."""
    for name in _bases(table):
        make_view(con, name, f"FROM {parquet(writer.part('cdm', name))} ANTI JOIN {quoted(f'kept_{table}')} USING (person_id)")
