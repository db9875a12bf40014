"""What happened to persons, in whichever table of the CDM it stands: the ground of cohorts and of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.duck import make_view, sql
from plait.errors import CohortError, ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    from plait.cohort_settings import ConceptSet

_PACKAGE = "plait.featurestore"

TABLES = {
    "condition_occurrence": "Condition",
    "device_exposure": "Device",
    "drug_exposure": "Drug",
    "measurement": "Measurement",
    "observation": "Observation",
    "procedure_occurrence": "Procedure",
    "visit_occurrence": "Visit",
}
"""Tables of events, in the order in which events of one moment stand, and the domain that a source's coverage calls each by."""


def need_events(con: duckdb.DuckDBPyConnection) -> None:
    """Make the views `event` and `death_of` of a connection; see `event.sql` and `death.sql` for their rows."""
    make_view(con, "event", sql(_PACKAGE, "event"))
    make_view(con, "death_of", sql(_PACKAGE, "death"))


def check_tables(tables: Sequence[str], where: str) -> tuple[str, ...]:
    """Give tables of events, all if none is named.

    Raises:
        ConfigError: One that is no table of events.
    """
    for table in tables:
        if table not in TABLES:
            todo = did_you_mean(table, TABLES, f"There are: {', '.join(TABLES)}.")
            raise ConfigError(where, expected="a table of events", got=f"'{table}'", todo=todo)
    return tuple(tables) or tuple(TABLES)


def concepts_of(con: duckdb.DuckDBPyConnection, wanted: ConceptSet, where: str) -> npt.NDArray[np.int64]:
    """Give the ids of a set of concepts, ascending: those named, what stands below them, less what is excluded.

    Args:
        con: A connection with the vocabulary.
        wanted: The set.
        where: What it belongs to, for errors.

    Raises:
        CohortError: A concept that the vocabulary does not know, or a set with nothing in it.
    """
    import numpy as np

    need = {"descendants": wanted.descendants}
    chosen = con.execute(sql(_PACKAGE, "concept_set"), {"concepts": _named(con, wanted.concepts, where), **need}).fetchnumpy()["concept_id"]
    left_out = con.execute(sql(_PACKAGE, "concept_set"), {"concepts": _named(con, wanted.exclude, where), **need}).fetchnumpy()["concept_id"]
    found: npt.NDArray[np.int64] = np.setdiff1d(chosen, left_out).astype(np.int64)
    if not len(found):
        raise CohortError(where, expected="at least one concept", got="a set with none", todo="Exclude less, or name concepts.")
    return found


def events_of(con: duckdb.DuckDBPyConnection, wanted: ConceptSet, where: str) -> pl.DataFrame:
    """Give the events of a set of concepts: `person_id`, `event_time`, `known_time`, `number`, `unit_concept_id`, `table_name`, `row_id`; in a total order.

    Raises:
        CohortError: See `concepts_of`.
        ConfigError: A table that is none of events.
    """
    tables, concepts = check_tables(wanted.tables, where), concepts_of(con, wanted, where)
    need_events(con)
    frame: pl.DataFrame = con.execute(sql(_PACKAGE, "events_of"), {"concepts": concepts.tolist(), "tables": list(tables)}).pl()
    return frame


def _named(con: duckdb.DuckDBPyConnection, names: Sequence[int | str], where: str) -> list[int]:
    """Give the id of each concept that is named by it or by its code."""
    known = {name: place for place, name in enumerate(names)}
    ids = [name for name in known if isinstance(name, int)]
    codes = [name for name in known if isinstance(name, str)]
    found = con.execute(sql(_PACKAGE, "concepts_named"), {"ids": ids, "codes": codes}).fetchall()
    missing = [name for name in known if name not in {row[0] for row in found} | {row[1] for row in found}]
    if missing:
        raise CohortError(
            where,
            expected="concepts of the study's vocabulary",
            got=f"'{missing[0]}', which it does not have",
            todo="Look it up in cdm.concept: a concept is its id, or VOCABULARY:CODE.",
        )
    return sorted({row[0] for row in found})
