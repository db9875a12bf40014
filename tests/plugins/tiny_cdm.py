"""A CDM in memory, to be filled by a test row by row: the views of the feature store read it as they read a study."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from plait.duck import connect, quoted
from plait.etl.commit import Version
from plait.featurestore.store import Store
from plait.featurestore.view import Reading
from plait.schema import cdm_tables, empty_select, plait_tables
from plait.settings import Settings

if TYPE_CHECKING:
    import duckdb

EPOCH = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - local time, as OMOP has it
A, B, C = 101, 102, 103
"""Standard concepts; B stands below A. C is a condition of its own."""
FILLED = ("cdm.person", "cdm.death", "cdm.condition_occurrence", "cdm.measurement", "cdm.visit_occurrence", "cdm.observation_period", "cdm.cohort",
          "cdm.omics_occurrence", "cdm.omics_variant", "plait.row_meta", "plait.derivation", "plait.omics_panel", "plait.absence")  # fmt: skip
"""What a test fills and empties again."""
_ID = {"condition_occurrence": "condition_occurrence_id", "measurement": "measurement_id", "visit_occurrence": "visit_occurrence_id"}


def day(number: float) -> dt.datetime:
    """Give the moment of a day, counted from the beginning of 2020."""
    return EPOCH + dt.timedelta(days=number)


class Cdm:
    """Tables in memory."""

    def __init__(self) -> None:
        self.con: duckdb.DuckDBPyConnection = connect(threads=1)
        self._waiting: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}
        self.con.execute("CREATE SCHEMA cdm; CREATE SCHEMA plait")
        for schema, specs in (("cdm", cdm_tables()), ("plait", plait_tables())):
            for name, spec in specs.items():
                self.con.execute(f"CREATE TABLE {schema}.{quoted(name)} AS {empty_select(spec)}")
        for concept, code, standard in ((A, "a", "S"), (B, "b", "S"), (C, "c", "S"), (8507, "M", "S"), (8532, "F", "S"), (104, "old-a", None)):
            vocabulary = "Gender" if code in {"M", "F"} else "V"
            self.add("cdm.concept", concept_id=concept, concept_code=code, vocabulary_id=vocabulary, standard_concept=standard, domain_id="Condition")
        for one in (A, B, C):
            self.add("cdm.concept_ancestor", ancestor_concept_id=one, descendant_concept_id=one)
        self.add("cdm.concept_ancestor", ancestor_concept_id=A, descendant_concept_id=B)
        self.add("cdm.concept_relationship", concept_id_1=104, concept_id_2=A, relationship_id="Maps to")

    def empty(self) -> None:
        """Remove everything about patients."""
        self._waiting = {key: rows for key, rows in self._waiting.items() if key[0] not in FILLED}
        for table in FILLED:
            self.con.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

    def add(self, table: str, **row: Any) -> None:  # noqa: ANN401 - values of a row
        """Add a row, which is written with all others when the CDM is read; columns that are not named are null."""
        self._waiting.setdefault((table, tuple(row)), []).append(row)

    def fact(self, table: str, row_id: int, person: int, concept: int, event: dt.datetime, known: dt.datetime | None, **more: Any) -> None:  # noqa: ANN401
        """Add an event that became known at a time; with none, as the CDM alone says it."""
        stem = {"condition_occurrence": "condition_start", "measurement": "measurement", "visit_occurrence": "visit_start"}[table]
        kind = {"condition_occurrence": "condition", "measurement": "measurement", "visit_occurrence": "visit"}[table]
        times = {f"{stem}_date": event.date(), f"{stem}_datetime": event}
        self.add(f"cdm.{table}", **{_ID[table]: row_id, "person_id": person, f"{kind}_concept_id": concept, **times, **more})
        if known is not None:
            self.add("plait.row_meta", table_name=table, row_id=row_id, person_id=person, known_time=known)

    def reading(self, settings: dict[str, Any] | None = None, study: Path = Path("nowhere")) -> Reading:
        """Give it as the version of a study with settings."""
        for (table, columns), rows in self._waiting.items():
            self.con.register("rows_to_write", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
            self.con.execute(f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) FROM rows_to_write")
        self._waiting = {}
        version = Version(1, 1, "0", "", "", None, 2048, "", "", "", {}, 0, {})
        return Reading(study, version, Settings.model_validate({"study": "memory", **(settings or {})}), self.con)

    def store(self, settings: dict[str, Any] | None = None, study: Path = Path("nowhere")) -> Store:
        """Give the feature store over it."""
        return Store(self.reading(settings, study))
