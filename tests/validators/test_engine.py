"""The engine on any CDM: keys that are not unique, what is missing, what is of another type; and the rows behind each number."""

from __future__ import annotations

import datetime as dt
import math
import sqlite3
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plait.duck import sql
from plait.errors import ConfigError, InputFileError, PlaitError
from plait.progress import silent
from plait.settings import CheckRule, ValidationSettings
from plait.validators.cdm import columns_of, examine_cdm
from plait.validators.foreign import open_cdm, version_of
from plait.validators.plan import rows_query, single_query
from plait.validators.suite import adjusted, checks_of, dqd_id, select, types

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cdm

    from plait.validators.judge import Result

TODAY = dt.date(2026, 11, 23)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """Give a connection with an empty schema `cdm`."""
    made = duckdb.connect(config={"threads": 2})
    made.execute("CREATE SCHEMA cdm")
    return made


def found(con: duckdb.DuckDBPyConnection, *patterns: str, version: str = "5.4") -> dict[str, Result]:
    checks = select(checks_of(version), patterns, where="test") if patterns else checks_of(version)
    return {result.check.id: result for result in examine_cdm(con, checks, today=TODAY, progress=silent)}


def numbers(results: dict[str, Result]) -> dict[str, tuple[int | None, int | None, str]]:
    return {name: (result.violated, result.denominator, result.status) for name, result in results.items()}


def test_every_number_is_that_of_the_rows_listed(cdm: Cdm) -> None:
    columns = columns_of(cdm.con)
    compared = 0
    for result in cdm.found().values():
        if not result.violated or result.check.type.name == "sourceValueCompleteness":  # that one counts values, not rows
            continue
        query = rows_query(result.check, columns, TODAY)
        assert cdm.sql(f"SELECT count(*) FROM ({query})") == [(result.violated,)], result.check.id
        compared += 1
    assert compared > 20


def test_each_match_counts_where_a_key_is_not_unique(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE TABLE cdm.person AS SELECT * FROM (VALUES (1, 8507, DATE '1980-01-01', 1980), (1, 8507, DATE '1990-01-01', 1990), (2, 8532, NULL, 1970))
            AS t (person_id, gender_concept_id, birth_datetime, year_of_birth);
        ALTER TABLE cdm.person ADD COLUMN month_of_birth INT; ALTER TABLE cdm.person ADD COLUMN day_of_birth INT;
        CREATE TABLE cdm.death AS SELECT * FROM (VALUES (1, DATE '2000-01-01'), (1, DATE '2001-01-01'), (2, DATE '2020-01-01')) AS t (person_id, death_date);
        CREATE TABLE cdm.condition_occurrence AS SELECT * FROM (VALUES
            (10, 1, 197236, DATE '1985-05-05'), (11, 1, 197236, DATE '2010-01-01'), (12, 2, 197236, DATE '1960-01-01'), (13, 3, 0, NULL)
        ) AS t (condition_occurrence_id, person_id, condition_concept_id, condition_start_date);
        """
    )
    got = numbers(found(con, "*.condition_occurrence.condition_start_date", "*.condition_concept_id.197236", "isForeignKey.condition_occurrence.person_id"))
    # Person 1 was born twice and died twice: 1985 lies before one birth, 2010 after both deaths.
    assert got["plausibleAfterBirth.condition_occurrence.condition_start_date"] == (2, 3, "FAIL")
    assert got["plausibleBeforeDeath.condition_occurrence.condition_start_date"] == (2, 5, "FAIL")
    assert got["plausibleDuringLife.condition_occurrence.condition_start_date"] == (2, 3, "FAIL")
    assert got["plausibleGender.condition_occurrence.condition_concept_id.197236"] == (4, 3, "FAIL")
    assert got["isForeignKey.condition_occurrence.person_id"] == (1, 4, "FAIL")
    assert got["withinVisitDates.condition_occurrence.condition_start_date"] == (None, None, "ERROR")
    for name in ("plausibleAfterBirth", "plausibleBeforeDeath", "plausibleDuringLife"):
        query = rows_query(select(checks_of("5.4"), [f"{name}.condition_occurrence.condition_start_date"], where="test")[0], columns_of(con), TODAY)
        assert con.execute(f"SELECT count(*) FROM ({query})").fetchone() == (2,)


@pytest.mark.parametrize("kind", ["BIGINT", "DOUBLE", "DECIMAL(12, 2)", "VARCHAR"])
def test_a_check_of_one_concept_is_asked_whatever_holds_the_concept(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    con.execute(
        f"""
        CREATE TABLE cdm.person AS SELECT 1 AS person_id;
        CREATE TABLE cdm.measurement AS SELECT n AS measurement_id, 1 AS person_id, CAST(concept AS {kind}) AS measurement_concept_id, 9999 AS unit_concept_id
        FROM (VALUES (1, 3004249), (2, 0)) AS t (n, concept)
        """
    )
    got = numbers(found(con, "plausibleUnitConceptIds.*"))
    assert got["plausibleUnitConceptIds.measurement.measurement_concept_id.3004249"] == (1, 1, "FAIL")


@pytest.mark.parametrize(
    ("persons", "visits", "eras"),
    [
        ("BIGINT: 9007199254740992, 9007199254740994", "BIGINT: 9007199254740992, 9007199254740993", "DOUBLE: 9007199254740992, 4"),
        ("VARCHAR: '001', '002'", "BIGINT: 1, 2", "VARCHAR: '001', '002'"),
        ("BIGINT: 1, 2", "BIGINT: 1, 3", "VARCHAR: '1', '01', '001'"),
        ("BIGINT: 1, 2", "INTEGER: 1, 3", "HUGEINT: 1, 1"),
    ],
)
def test_persons_are_those_of_each_table_s_own_type(con: duckdb.DuckDBPyConnection, persons: str, visits: str, eras: str) -> None:
    for table, ids in (("person", persons), ("visit_occurrence", visits), ("condition_era", eras)):
        kind, _, values = ids.partition(": ")
        own = "1980 AS year_of_birth, 1 AS month_of_birth, 1 AS day_of_birth" if table == "person" else f"row_number() OVER () AS {table}_id"
        rows = values.replace(", ", "), (")
        con.execute(f"CREATE TABLE cdm.{table} AS SELECT CAST(id AS {kind}) AS person_id, {own} FROM (VALUES ({rows})) AS t (id)")
    patterns = ("isForeignKey.*.person_id", "measurePersonCompleteness.*")
    columns_there = columns_of(con)
    asked = [check for check in select(checks_of("5.4"), patterns, where="test") if check.table in columns_there and check.table != "person"]
    assert len(asked) == 4
    for result in examine_cdm(con, asked, today=TODAY, progress=silent):
        assert con.execute(single_query(result.check, columns_there, TODAY)).fetchone() == (result.violated, result.denominator), result.check.id


@pytest.mark.parametrize("kind", ["TIMESTAMP", "VARCHAR"])
def test_each_row_that_was_known_before_it_happened_counts_once(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Row 2 was known the day before, and is there twice, as is when it was known; row 3 was known by its day, but not by its time."""
    con.execute(
        f"""
        CREATE SCHEMA plait;
        CREATE TABLE cdm.measurement AS SELECT n AS measurement_id, DATE '2020-05-05' AS measurement_date,
            CAST(happened AS {kind}) AS measurement_datetime FROM (VALUES
            (1, '2020-05-05 08:00:00'), (2, '2020-05-05 00:00:00'), (2, '2020-05-05 00:00:00'), (3, '2020-05-05 09:00:00'), (4, NULL)
        ) AS t (n, happened);
        CREATE TABLE plait.row_meta AS SELECT * FROM (VALUES
            ('measurement', 1, TIMESTAMP '2020-05-05 08:00:00'), ('measurement', 2, TIMESTAMP '2020-05-04 00:00:00'),
            ('measurement', 2, TIMESTAMP '2020-05-04 01:00:00'), ('measurement', 3, TIMESTAMP '2020-05-05 08:59:00'), ('observation', 1, TIMESTAMP '1990-01-01')
        ) AS t (table_name, row_id, known_time);
        """
    )
    got = numbers(found(con, "knownAfterEvent.measurement.*"))
    assert got["knownAfterEvent.measurement.measurement_date"] == (2, 5, "FAIL")
    time = got["knownAfterEvent.measurement.measurement_datetime"]
    assert time == ((3, 4, "FAIL") if kind == "TIMESTAMP" else (None, None, "ERROR"))
    con.execute("UPDATE plait.row_meta SET known_time = TIMESTAMP '2020-05-05 09:00:00'")
    assert numbers(found(con, "knownAfterEvent.measurement.*"))["knownAfterEvent.measurement.measurement_date"] == (0, 5, "PASS")


def test_rows_of_persons_without_a_period_are_listed(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE TABLE cdm.person AS SELECT 1 AS person_id;
        CREATE TABLE cdm.observation_period AS SELECT 1 AS observation_period_id, 2 AS person_id,
            DATE '2000-01-01' AS observation_period_start_date, DATE '2001-01-01' AS observation_period_end_date;
        CREATE TABLE cdm.condition_occurrence AS SELECT 1 AS condition_occurrence_id, 1 AS person_id, DATE '2000-05-05' AS condition_start_date
        """
    )
    name = "withinObservationPeriod.condition_occurrence.condition_start_date"
    assert numbers(found(con, name))[name] == (1, 1, "FAIL")
    query = rows_query(select(checks_of("5.4"), [name], where="test")[0], columns_of(con), TODAY)
    assert con.execute(f"SELECT count(*) FROM ({query})").fetchone() == (1,)


def test_a_birth_on_no_day_is_no_birth(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE cdm.person AS SELECT 1 AS person_id, 1980 AS year_of_birth, 2 AS month_of_birth, 30 AS day_of_birth, NULL::DATE AS birth_datetime"
    )
    con.execute("CREATE TABLE cdm.death AS SELECT 1 AS person_id, DATE '1900-01-01' AS death_date")
    assert numbers(found(con, "plausibleAfterBirth.death.death_date")) == {"plausibleAfterBirth.death.death_date": (0, 1, "PASS")}


def test_a_cdm_without_vocabulary_answers_what_needs_none(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE cdm.person AS SELECT 1 AS person_id, 8507 AS gender_concept_id, 1980 AS year_of_birth")
    got = found(con, "person")
    assert got["isStandardValidConcept.person.gender_concept_id"].status == "ERROR"
    assert got["isStandardValidConcept.person.gender_concept_id"].reason == "there is no table concept"
    assert got["isRequired.person.gender_concept_id"].status == "PASS"
    assert got["isRequired.person.race_concept_id"].status == "NA"
    assert got["cdmField.person.race_concept_id"].status == "FAIL"


def test_an_empty_cdm_has_nothing_to_look_at(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE cdm.person (person_id INT, gender_concept_id INT)")
    got = found(con)
    assert {result.status for result in got.values()} == {"FAIL", "NA", "PASS", "ERROR"}
    assert {result.check.type.name for result in got.values() if result.status == "FAIL"} == {"cdmTable", "cdmField"}
    assert got["cdmField.visit_occurrence.person_id"].status == "NA"
    assert got["isRequired.person.person_id"].reason == "table person is empty"
    assert got["measurePersonCompleteness.visit_occurrence"].status == "NA"


def test_a_column_of_another_type_fails_its_own_checks_only(cdm: Cdm, con: duckdb.DuckDBPyConnection) -> None:
    for table in ("person", "visit_occurrence", "condition_occurrence", "concept"):
        con.register("arrow", cdm.con.sql(f"FROM cdm.{table}").to_arrow_table())
        con.execute(f"CREATE TABLE cdm.{table} AS FROM arrow")
    con.execute("ALTER TABLE cdm.condition_occurrence ALTER COLUMN condition_concept_id TYPE VARCHAR")
    con.execute("UPDATE cdm.condition_occurrence SET condition_concept_id = 'D34' WHERE condition_occurrence_id % 2 = 0")
    odd = con.execute("SELECT count(*) FROM cdm.condition_occurrence WHERE condition_concept_id = 'D34'").fetchone()
    got = found(con, "isRequired.condition_*", "*.condition_concept_id*", "*.condition_type_concept_id", "cdmTable")
    assert (got["cdmDatatype.condition_occurrence.condition_concept_id"].violated,) == odd
    got = {name: result for name, result in got.items() if result.check.table == "condition_occurrence"}
    errors = {name: result for name, result in got.items() if result.status == "ERROR"}
    assert errors
    assert all("condition_concept_id" in name for name in errors)
    assert not any("D34" in (result.reason or "") for result in errors.values())
    assert got["isRequired.condition_occurrence.condition_concept_id"].status == "PASS"
    assert got["isStandardValidConcept.condition_occurrence.condition_type_concept_id"].status == "PASS"


def test_a_column_too_many_is_no_matter(cdm: Cdm) -> None:
    before = numbers(cdm.found("death"))
    cdm.con.execute('ALTER TABLE cdm.death ADD COLUMN "order" VARCHAR')
    assert numbers(cdm.found("death")) == before


def test_months_with_few_rows_are_found(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE cdm.measurement AS SELECT i AS measurement_id, DATE '2020-01-15' + INTERVAL (i % 24) MONTH AS measurement_date "
        "FROM range(2400) AS t (i) WHERE i % 24 <> 7"
    )
    result = found(con, "steadyMonths.measurement.measurement_date")["steadyMonths.measurement.measurement_date"]
    assert (result.violated, result.denominator, result.status) == (1, 24, "PASS")
    query = rows_query(result.check, columns_of(con), TODAY)
    assert con.execute(str(query)).fetchall() == [(dt.date(2020, 8, 1), 0, 100.0)]


def test_values_and_units_are_compared_with_those_of_the_version_before(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE SCHEMA plait")
    con.execute(
        "CREATE TABLE cdm.measurement AS SELECT i AS measurement_id, 3004249 + i % 3 AS measurement_concept_id, 8876 AS unit_concept_id, "
        "CAST(100 + i % 50 AS DOUBLE) AS value_as_number FROM range(900) AS t (i)"
    )
    assert found(con, "steady*.measurement.value_as_number")["steadyValues.measurement.value_as_number"].status == "NA"
    con.execute(f"CREATE TABLE plait.value_profile AS {sql('plait.validators', 'value_profile')}")
    names = ("steadyValues.measurement.value_as_number", "steadyUnits.measurement.unit_concept_id")
    assert [numbers(found(con, name))[name] for name in names] == [(0, 3, "PASS"), (0, 900, "PASS")]
    con.execute("UPDATE cdm.measurement SET value_as_number = value_as_number / 7.5 WHERE measurement_concept_id = 3004250")  # mmHg became kPa
    con.execute("UPDATE cdm.measurement SET unit_concept_id = 44777602 WHERE measurement_concept_id = 3004251")
    values, units = (found(con, name)[name] for name in names)
    assert (values.violated, values.denominator, values.status) == (1, 2, "FAIL")
    assert (units.violated, units.denominator, units.status) == (300, 900, "FAIL")
    (row,) = con.execute(str(rows_query(values.check, columns_of(con), TODAY))).fetchall()
    # All 300 values fell into the first decile, which had a share of 0.1 (30 of 300): 0.9 ln 10, and nine times -0.0999 ln 0.001.
    assert row == (3004250, 8876, 300, 300, pytest.approx(0.9 * math.log(10) + 9 * 0.0999 * math.log(1000), abs=0.01))


def test_values_of_sources_and_sites_are_compared_with_those_of_all(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE SCHEMA plait")
    con.execute(
        "CREATE TABLE cdm.measurement AS SELECT i AS measurement_id, i % 30 AS visit_occurrence_id, 3004249 + i % 2 AS measurement_concept_id, "
        "8876 AS unit_concept_id, CAST(100 + i // 30 % 50 AS DOUBLE) AS value_as_number FROM range(3000) AS t (i)"
    )
    con.execute("CREATE TABLE cdm.visit_occurrence AS SELECT i AS visit_occurrence_id, i // 10 AS care_site_id FROM range(30) AS t (i)")
    con.execute("CREATE TABLE plait.files AS SELECT i AS file_id, ['lab', 'ward'][1 + i // 2] AS source FROM range(4) AS t (i)")
    con.execute("CREATE TABLE plait.lineage AS SELECT 'measurement' AS table_name, i AS row_id, i // 30 % 4 AS file_id FROM range(3000) AS t (i)")
    names = [f"{name}.measurement.value_as_number" for name in ("alikeSources", "alikeSites")]
    assert [numbers(found(con, name))[name] for name in names] == [(0, 2, "PASS"), (0, 2, "PASS")]
    to_kpa = "UPDATE cdm.measurement SET value_as_number = value_as_number / 7.5 WHERE "
    con.execute(to_kpa + "visit_occurrence_id < 10 AND measurement_concept_id = 3004250")
    sources, sites = (found(con, name)[name] for name in names)
    assert (sources.violated, sources.denominator, sources.status) == (0, 2, "PASS")
    assert (sites.violated, sites.denominator, sites.status) == (1, 2, "FAIL")
    (row,) = con.execute(str(rows_query(sites.check, columns_of(con), TODAY))).fetchall()
    assert row[:5] == (3004250, 8876, 0, 500, 1500)
    con.execute(to_kpa + "measurement_id // 30 % 4 < 2 AND value_as_number > 50")
    result = found(con, names[0])[names[0]]
    assert (result.violated, result.denominator, result.status) == (2, 2, "FAIL")


def test_twins_are_rows_that_differ_in_their_id_alone(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE cdm.note AS SELECT * FROM (VALUES (1, 7, NULL), (2, 7, NULL), (3, 8, NULL), (4, 7, 'x')) AS t (note_id, person_id, note_title)")
    result = found(con, "noTwins.note")["noTwins.note"]
    assert (result.violated, result.denominator, result.status) == (2, 4, "FAIL")
    assert con.execute(str(rows_query(result.check, columns_of(con), TODAY)) + " ORDER BY 1").fetchall() == [(1, 7, None), (2, 7, None)]


def test_settings_change_thresholds_and_severities() -> None:
    settings = ValidationSettings(
        skip=("plausibleDuringLife",),
        rules=(CheckRule(checks="isRequired.*", threshold=5), CheckRule(checks="isRequired.person.*", severity="info")),
    )
    checks = {check.id: check for check in adjusted(checks_of("5.4"), settings)}
    assert len(checks) == len(checks_of("5.4")) - 34
    assert (checks["isRequired.death.person_id"].threshold, checks["isRequired.death.person_id"].severity) == (5, "error")
    assert (checks["isRequired.person.person_id"].threshold, checks["isRequired.person.person_id"].severity) == (5, "info")
    with pytest.raises(ConfigError, match="isRequird"):
        adjusted(checks_of("5.4"), ValidationSettings(skip=("isRequird",)))


def test_names_of_checks_are_unique_and_understood() -> None:
    for version in ("5.3", "5.4"):
        checks = checks_of(version)
        assert len({check.id for check in checks}) == len(checks)
        assert all(select(checks, [name], where="test") == [check] for check in checks[::97] for name in (check.id, dqd_id(check)))
    assert {check.type.name for check in checks_of("5.4") if check.suite == "dqd"} < types().keys()


@pytest.mark.parametrize("kind", ["parquet", "csv", "duckdb"])
def test_a_cdm_is_read_from_files(cdm: Cdm, tmp_path: Path, kind: str) -> None:
    tables = ("person", "death", "concept", "visit_occurrence")
    if kind == "duckdb":
        place = tmp_path / "cdm.duckdb"
        with duckdb.connect(str(place)) as file:
            for table in tables:
                file.register("arrow", cdm.con.sql(f"FROM cdm.{table}").to_arrow_table())
                file.execute(f"CREATE TABLE {table} AS FROM arrow")
    else:
        place = tmp_path
        for table in tables:
            cdm.con.execute(f"COPY cdm.{table} TO '{place}/{table}.{kind}'")
    with open_cdm(place) as con:
        assert set(columns_of(con)) == set(tables)
        mine = numbers(cdm.found("death"))
        theirs = numbers({result.check.id: result for result in examine_cdm(con, [c for c in cdm.checks if c.table == "death"], today=TODAY, progress=silent)})
        assert theirs == mine


def test_a_file_like_athena_s_is_read_by_tabs_without_quotes(tmp_path: Path) -> None:
    lines = ("concept_id\tconcept_name\tvalid_start_date", '1\t5" tube\t19700101', "2\ta 'name'\t20200229")
    (tmp_path / "CONCEPT.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "PERSON.csv").write_text("person_id,year_of_birth\n1,1980\ntwo,1990\n", encoding="utf-8")
    with open_cdm(tmp_path) as read:
        assert columns_of(read) == {
            "person": {"person_id": "VARCHAR", "year_of_birth": "BIGINT"},
            "concept": {"concept_id": "BIGINT", "concept_name": "VARCHAR", "valid_start_date": "DATE"},
        }
        assert read.execute("SELECT max(valid_start_date), min(concept_name) FROM cdm.concept").fetchone() == (dt.date(2020, 2, 29), '5" tube')
        assert numbers(found(read, "cdmDatatype.person.person_id")) == {"cdmDatatype.person.person_id": (1, 2, "FAIL")}


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_a_column_without_values_has_the_type_that_the_cdm_has_for_it(tmp_path: Path, kind: str) -> None:
    row: dict[str, dict[str, int | dt.date | None]] = {
        "person": {"person_id": 1, "year_of_birth": 1980, "day_of_birth": None, "month_of_birth": None, "birth_datetime": None},
        "visit_occurrence": {"visit_occurrence_id": 1, "person_id": 1, "visit_start_date": dt.date(2020, 1, 1), "visit_end_date": None},
        "death": {"person_id": 1, "death_date": None},
        "drug_exposure": {"person_id": 1, "visit_occurrence_id": 1, "drug_exposure_start_date": dt.date(2020, 1, 2), "quantity": None},
    }
    place = tmp_path / "cdm.duckdb" if kind == "duckdb" else tmp_path
    with duckdb.connect(str(place) if kind == "duckdb" else ":memory:") as made:
        for table, values in row.items():
            made.register("arrow", arrow := pa.table({name: [value] for name, value in values.items()}))  # null is a type of Arrow and of Parquet
            if kind == "parquet":
                pq.write_table(arrow, tmp_path / f"{table}.parquet")
            else:
                made.execute(f"CREATE TABLE {table} AS FROM arrow" if kind == "duckdb" else f"COPY arrow TO '{tmp_path}/{table}.csv'")
    with open_cdm(place) as con:
        theirs = numbers(found(con, "plausible*", "withinVisitDates"))
    start = "drug_exposure.drug_exposure_start_date"
    assert {theirs[f"{check}.{start}"] for check in ("plausibleAfterBirth", "plausibleDuringLife", "withinVisitDates")} == {(0, 1, "PASS")}
    assert {theirs[f"plausibleValueLow.{field}"][2] for field in ("drug_exposure.quantity", "person.day_of_birth")} == {"NA"}


def test_dates_with_a_time_of_day_are_compared_as_days(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE TABLE cdm.visit_occurrence AS SELECT 1 AS visit_occurrence_id, 1 AS person_id,
            TIMESTAMP '2020-01-08' AS visit_start_date, TIMESTAMP '2020-01-08 09:00' AS visit_end_date;
        CREATE TABLE cdm.death AS SELECT 1 AS person_id, TIMESTAMP '2020-01-01 12:00' AS death_date;
        CREATE TABLE cdm.note AS SELECT 1 AS person_id, 1 AS visit_occurrence_id,
            unnest(['2020-01-01', '2020-01-15 10:00', '2020-03-02'])::TIMESTAMP AS note_date;
        CREATE TABLE cdm.observation_period AS SELECT unnest([1, 2]) AS observation_period_id, 1 AS person_id,
            unnest(['2020-01-01', '2020-02-02'])::TIMESTAMP AS observation_period_start_date,
            unnest(['2020-01-31', '2020-03-01'])::TIMESTAMP AS observation_period_end_date;
    """)
    assert numbers(found(con, "withinVisitDates.note.*", "plausibleBeforeDeath.note.note_date", "measureObservationPeriodOverlap")) == {
        "withinVisitDates.note.note_date": (1, 3, "FAIL"),
        "plausibleBeforeDeath.note.note_date": (1, 3, "FAIL"),
        "measureObservationPeriodOverlap.observation_period": (0, 1, "PASS"),
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"person_id,year_of_birth\n1,1980\n2,1990,1\n", r"person.csv:3: expected .* got 3 fields, not 2"),
        (b"person_id,year_of_birth\n1,1980\n2\n", r"person.csv:3: expected .* got 1 fields, not 2"),
        (b'person_id,year_of_birth\n1,1980\n"2,1990\n', r"person.csv:3: expected a quote that is closed"),
        (b"person_id,person_source_value\n1,Andr\xe9\n", r"person.csv: expected text in UTF-8"),
    ],
)
def test_a_text_file_that_is_no_table_is_refused_with_its_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "person.csv").write_bytes(content)
    with pytest.raises(InputFileError, match=says):
        open_cdm(tmp_path)


def test_which_number_is_the_month_is_not_guessed(tmp_path: Path) -> None:
    """Dates of another form are said to be none, where checks compare them; those beside them are read."""
    (tmp_path / "person.csv").write_text(
        "person_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime\n1,1980,3,4,1980-03-04 10:00:00\n", encoding="utf-8"
    )
    (tmp_path / "death.csv").write_text("person_id,death_date,death_datetime\n1,01/02/2020,2020-02-01T10:00:00.5\n", encoding="utf-8")
    (tmp_path / "note.csv").write_text("note_id,person_id,note_date\n1,1,2020-02-03\n", encoding="utf-8")
    with open_cdm(tmp_path) as con:
        theirs = numbers(found(con, "plausibleAfterBirth.*"))
    assert theirs["plausibleAfterBirth.death.death_date"][2] == "ERROR"
    assert theirs["plausibleAfterBirth.death.death_datetime"] == theirs["plausibleAfterBirth.note.note_date"] == (0, 1, "PASS")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "person.parquet").write_bytes(b"no Parquet")
    with pytest.raises(InputFileError, match=r"person\.parquet: expected the table person"):
        open_cdm(tmp_path)


def test_decimals_without_places_are_whole_numbers(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cdm.db") as database:
        database.execute("CREATE TABLE person (person_id DECIMAL(10, 0), year_of_birth NUMERIC(4, 0))")
        database.execute("INSERT INTO person VALUES (1, 1980), (2, 1990)")
    with open_cdm(f"sqlite:///{tmp_path}/cdm.db") as con:
        assert {status for *_, status in numbers(found(con, "cdmDatatype.person.person_id", "cdmDatatype.person.year_of_birth")).values()} == {"PASS"}


def test_the_last_day_there_is_has_a_tomorrow(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE cdm.death AS SELECT 1 AS person_id, DATE '2020-01-01' AS death_date")
    (result,) = examine_cdm(con, select(checks_of("5.4"), ["plausibleValueHigh.death.death_date"], where="test"), today=dt.date.max, progress=silent)
    assert result.status == "PASS"


def test_what_is_no_cdm_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("no table", encoding="utf-8")
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="expected a CDM"):
            open_cdm(place)


def test_versions_are_told_apart_and_mixtures_noticed(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE cdm.visit_occurrence AS SELECT 1 AS visit_occurrence_id, 2 AS admitting_source_concept_id")
    assert version_of(con, columns_of(con)) == ("5.3", [])
    con.execute("CREATE TABLE cdm.cdm_source AS SELECT 'CDM v5.4.1' AS cdm_version")
    version, notes = version_of(con, columns_of(con))
    assert version == "5.4"
    assert "visit_occurrence.admitting_source_concept_id" in notes[0]


def test_a_cdm_in_any_database_is_read_by_its_url(few: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """SQLite keeps what it is given: a text in a column of dates leaves that column text, and its checks say so."""
    numbers_of = {}
    with sqlite3.connect(tmp_path / "cdm.db") as database:
        for table in ("person", "death", "visit_occurrence", "concept"):
            rows = few.sql(f"SELECT * FROM cdm.{table}")
            kinds = [
                "TIMESTAMP" if kind == "TIMESTAMP" else "DATE" if kind == "DATE" else "INTEGER" if kind == "BIGINT" else "TEXT" for kind in map(str, rows.types)
            ]
            database.execute(f"CREATE TABLE {table.upper()} ({', '.join(f'{name} {kind}' for name, kind in zip(rows.columns, kinds, strict=True))})")
            values = [[None if value is None else value if isinstance(value, int) else str(value) for value in row] for row in rows.fetchall()]
            database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(kinds))})", values)
    url = f"sqlite:///{tmp_path}/cdm.db"
    with open_cdm(url) as con:
        assert con.sql("SELECT * FROM cdm.person ORDER BY person_id").fetchall() == few.sql("SELECT * FROM cdm.person ORDER BY person_id").fetchall()
        assert columns_of(con)["death"]["death_date"] == "DATE"
        numbers_of["url"] = numbers(found(con, "isForeignKey.visit_occurrence.*"))
    few_columns = numbers(found(few, "isForeignKey.visit_occurrence.*"))
    assert numbers_of["url"].keys() == few_columns.keys()
    assert numbers_of["url"]["isForeignKey.visit_occurrence.person_id"] == few_columns["isForeignKey.visit_occurrence.person_id"]
    with sqlite3.connect(tmp_path / "cdm.db") as database:
        database.execute("UPDATE death SET death_date = 'in May' WHERE person_id = (SELECT min(person_id) FROM death)")
    with open_cdm(url) as con:
        assert columns_of(con)["death"]["death_date"] == "VARCHAR"
    for wrong in ("sqlite:////nowhere/cdm.db", "nodialect://host/cdm", "mysql+nodriver://u:secret@host/cdm"):
        with pytest.raises(PlaitError) as error:
            open_cdm(wrong)
        assert "secret" not in str(error.value)
