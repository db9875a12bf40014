"""Together, checks count what each of them counts alone: on any tables, however they are stored, and whatever their files tell of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plait.progress import silent
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import open_cdm, parquet_files
from plait.validators.plan import Unanswerable, single_query
from plait.validators.suite import Check, checks_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hypothesis.strategies import DrawFn, SearchStrategy

pytestmark = pytest.mark.long

TODAY = dt.date(2026, 11, 23)
CONCEPTS = (0, 8507, 8532, 197236, 3004249, 8876, 45_000_001)
"""No concept, two genders, a condition of one of them, a measurement, a unit of it, and one that no vocabulary has."""
DAYS = st.sampled_from([dt.date(1890, 1, 1), dt.date(1980, 2, 3), dt.date(1999, 12, 31), dt.date(2020, 5, 5), dt.date(2030, 1, 1)])
MOMENTS = st.sampled_from([dt.datetime(1980, 2, 3, 23, 59), dt.datetime(2020, 5, 5, 0, 0), dt.datetime(2030, 1, 1, 1, 1)])  # noqa: DTZ001 - as in OMOP
WHOLE = (pa.int32(), pa.int64())
CONCEPT = (st.sampled_from(CONCEPTS), (*WHOLE, pa.float64(), pa.string()))
KEY = (st.integers(-1, 3), WHOLE)
TEXT = (st.sampled_from(["", "a", "b", "8507"]), (pa.string(),))
DAY = (DAYS, (pa.date32(),))
MOMENT = (MOMENTS, (pa.timestamp("us"),))

TABLES: dict[str, dict[str, tuple[SearchStrategy[Any], tuple[pa.DataType, ...]]]] = {
    "person": {
        "person_id": KEY,
        "gender_concept_id": (st.sampled_from((0, 8507, 8532)), WHOLE),
        "year_of_birth": (st.sampled_from((1849, 1980, 2000)), WHOLE),
        "month_of_birth": (st.sampled_from((2, 12)), WHOLE),
        "day_of_birth": (st.sampled_from((1, 30)), WHOLE),
        "birth_datetime": MOMENT,
        "gender_source_value": TEXT,
    },
    "death": {"person_id": KEY, "death_date": DAY},
    "visit_occurrence": {
        "visit_occurrence_id": (st.integers(-70, 130), WHOLE),
        "person_id": KEY,
        "visit_start_date": DAY,
        "visit_end_date": DAY,
        "visit_source_value": TEXT,
        "visit_concept_id": CONCEPT,
    },
    "condition_occurrence": {
        "condition_occurrence_id": (st.integers(-(2**63), 2**63 - 1), (pa.int64(),)),
        "person_id": KEY,
        "condition_concept_id": CONCEPT,
        "condition_start_date": DAY,
        "condition_end_datetime": MOMENT,
        "condition_source_value": TEXT,
        "condition_source_concept_id": CONCEPT,
        "visit_occurrence_id": (st.integers(-70, 130), WHOLE),
    },
    "measurement": {
        "measurement_id": (st.integers(0, 5), WHOLE),
        "person_id": KEY,
        "measurement_concept_id": CONCEPT,
        "measurement_date": DAY,
        "unit_concept_id": CONCEPT,
        "unit_source_value": TEXT,
        "value_as_number": (st.sampled_from((0.0, -1.5, float("nan"))), (pa.float64(),)),
    },
    "drug_exposure": {
        "drug_exposure_id": KEY,
        "drug_concept_id": CONCEPT,
        "days_supply": (st.sampled_from((0, 1, 365, 366)), WHOLE),
        "quantity": (st.sampled_from((0.0, 2.5)), (pa.float64(),)),
        "drug_exposure_start_date": DAY,
        "verbatim_end_date": DAY,
    },
    "condition_era": {"condition_era_id": KEY, "person_id": KEY},
    "concept": {
        "concept_id": (st.sampled_from(CONCEPTS[:-1]), WHOLE),
        "domain_id": (st.sampled_from(["Gender", "Condition", "Measurement"]), (pa.string(),)),
        "concept_class_id": (st.sampled_from(["Gender", "Ingredient"]), (pa.string(),)),
        "standard_concept": (st.just("S"), (pa.string(),)),
        "invalid_reason": (st.just("D"), (pa.string(),)),
    },
    "concept_ancestor": {"ancestor_concept_id": (st.sampled_from((197236, 4090861)), WHOLE), "descendant_concept_id": (st.sampled_from(CONCEPTS), WHOLE)},
}

Cdm = dict[str, pa.Table]


@st.composite
def cdms(draw: DrawFn) -> Cdm:
    """Give a CDM of a few rows, in which columns may be empty, or of one value."""
    return {name: draw(tables(name)) for name in TABLES if name in {"person", "concept"} or draw(st.integers(0, 5))}


@st.composite
def tables(draw: DrawFn, name: str) -> pa.Table:
    """Give a table, of no row at times; a key is at times that of one row only."""
    rows, columns = draw(st.integers(0, 9)), {}
    for column, (values, kinds) in TABLES[name].items():
        kind = draw(st.sampled_from(kinds))
        shape = draw(st.sampled_from(["any", "any", "full", "empty", "constant", "apart"]))
        if shape == "apart" and column == f"{name}_id":
            cells: list[Any] = list(range(-1, rows - 1))
        elif shape in {"constant", "empty"}:
            cells = [draw(values) if shape == "constant" else None] * rows
        else:
            cells = draw(st.lists(values if shape == "full" else st.none() | values, min_size=rows, max_size=rows))
        columns[column] = pa.array([str(cell) if cell is not None and pa.types.is_string(kind) else cell for cell in cells], kind)
    return pa.table(columns)


def told(cdm: Cdm, folder: Path) -> Path:
    for name, table in cdm.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=3)
    return folder


def untold(cdm: Cdm, folder: Path) -> Path:
    for name, table in cdm.items():
        pq.write_table(table, folder / f"{name}.parquet", write_statistics=False)
    return folder


def told_in_part(cdm: Cdm, folder: Path) -> Path:
    """Write a folder of two files a table, of which one tells of its numbers and the other one tells nothing."""
    for name, table in cdm.items():
        (folder / name).mkdir()
        pq.write_table(table[:4], folder / name / "a.parquet", write_statistics=[c for c in table.column_names if c.endswith("_id")])
        pq.write_table(table[4:], folder / name / "b.parquet", write_statistics=len(name) % 2 == 0)
    return folder


def texts(cdm: Cdm, folder: Path) -> Path:
    for name, table in cdm.items():
        pyarrow.csv.write_csv(table, folder / f"{name}.csv")
    return folder


def database(cdm: Cdm, folder: Path) -> Path:
    with duckdb.connect(str(folder / "theirs.duckdb")) as con:
        for name, table in cdm.items():
            con.register("arrow", table)
            con.execute(f"CREATE TABLE {name} AS FROM arrow")
            con.unregister("arrow")
    return folder / "theirs.duckdb"


def chosen() -> list[Check]:
    """Give the checks of these tables that some of these concepts can make a difference to."""
    some = {str(concept) for concept in (*CONCEPTS, 4090861)}
    return [
        check
        for check in checks_of("5.4")
        if check.table in TABLES and (check.type.level != "CONCEPT" or some & set(check.concept_id.split())) and check.type.name not in {"cdmTable", "cdmField"}
    ]


def alone(con: duckdb.DuckDBPyConnection, check: Check) -> tuple[int, int] | None:
    """Give both numbers of a check by a query of its own, None where the CDM or the engine refuses."""
    try:
        return con.execute(single_query(check, columns_of(con), TODAY)).fetchone()
    except (Unanswerable, duckdb.Error):
        return None


@pytest.mark.parametrize("stored", [told, untold, told_in_part, texts, database])
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(cdm=cdms())
def test_together_checks_count_what_each_counts_alone(stored: Callable[[Cdm, Path], Path], cdm: Cdm, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = stored(cdm, tmp_path_factory.mktemp("cdm"))
    with open_cdm(path, threads=2) as con:
        results = examine_cdm(con, chosen(), today=TODAY, progress=silent, files=parquet_files(path))
        checked = [result for result in results if result.check.type.query in {None, "duplicates"} and "there is no" not in (result.reason or "")]
        differing = {}
        for result in checked:
            together = None if result.violated is None else (result.violated, result.denominator)
            if together != (single := alone(con, result.check)):
                differing[result.check.id] = (together, single)
        assert differing == {}
