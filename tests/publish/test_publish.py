"""What `plait publish` writes into a real PostgreSQL server: the same cells as in DuckDB, keys that hold, and indices."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import re
import struct
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from little_study import Little, Rows

from plait.etl.commit import warehouse_of
from plait.schema import cdm_tables, indices_ddl, keys_ddl
from plait.study import Study, open_study

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postgres_server import Target

    from plait.etl.publish import PublishReport


FOREIGN_KEYS = [(table.name, field.name, *field.foreign_key.split(".")) for table in cdm_tables().values() for field in table.fields if field.foreign_key]
TYPES = {"integer": "bigint", "date": "date", "datetime": "timestamp without time zone", "float": "double precision", "varchar": "text"}


@pytest.fixture(scope="module")
def tutorial(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """109 patients by Synthea, real codes, and a vocabulary that lacks some of their concepts."""
    folder = tmp_path_factory.mktemp("tutorial")
    data = shared / "data"
    settings = {
        "study": "tutorial",
        "vocabulary": str(data / "vocabulary/tutorial-2025"),
        "sources": [{"name": "ehr", "kind": "synthea", "path": str(data / "synthea/tutorial-109/raw")}],
    }
    (folder / "plait.yaml").write_text(json.dumps(settings), encoding="utf-8")
    study = open_study(folder)
    study.run_etl()
    return study


@pytest.fixture(scope="module")
def published_tutorial(tutorial: Study, new_target: Callable[[], Target]) -> tuple[Target, PublishReport]:
    target = new_target()
    return target, tutorial.publish(target.url)


def completed(study: Study) -> Study:
    """Give the study with a vocabulary that has every concept that anything refers to."""
    con = study.connect()
    lacking = {
        value
        for table, column, target, key in FOREIGN_KEYS
        if target == "concept"
        for (value,) in con.execute(f'SELECT "{column}" FROM cdm.{table} WHERE "{column}" IS NOT NULL EXCEPT SELECT "{key}" FROM cdm.concept').fetchall()
    }
    assert lacking
    file = warehouse_of(study.path) / "cdm/concept/lacking.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    con.execute(
        f"COPY (SELECT * REPLACE (unnest(?::BIGINT[]) AS concept_id) FROM (FROM cdm.concept WHERE concept_id = 0)) TO '{file}' (FORMAT parquet)",
        [sorted(lacking)],
    )
    cdm = study.version.tables["cdm"]
    more = {**cdm, "concept": [*cdm["concept"], str(file.relative_to(warehouse_of(study.path)))]}
    return Study(study.path, dataclasses.replace(study.version, tables={**study.version.tables, "cdm": more}))


def cells(rows: list[tuple[Any, ...]]) -> list[str]:
    """Rows in an order of their own; `repr` tells null from empty, 1 from 1.0, and every double from its neighbours."""
    return sorted(map(repr, rows))


def assert_same_cells(study: Study, target: Target, schema: str = "cdm") -> None:
    con = study.connect()
    with target.connected() as server:
        for name, spec in cdm_tables().items():
            columns = ", ".join(f'"{column}"' for column in spec.columns)
            in_study = con.execute(f"SELECT {columns} FROM cdm.{name}").fetchall()
            in_database = server.execute(f"SELECT {columns} FROM {schema}.{name}".encode()).fetchall()
            assert cells(in_database) == cells(in_study), name


def constraints(target: Target, kind: str) -> set[str]:
    query = "SELECT conname FROM pg_constraint WHERE connamespace = 'cdm'::regnamespace AND contype = %s AND convalidated"
    return {name for (name,) in target.rows(query, kind)}


def named(statements: list[str], pattern: str) -> set[str]:
    return {found[1] for statement in statements if (found := re.search(pattern, statement)) and " cdm." in statement}


# The same cells, keys and indices


def test_tutorial_109_is_the_same_cell_by_cell(tutorial: Study, published_tutorial: tuple[Target, PublishReport]) -> None:
    target, report = published_tutorial
    assert_same_cells(tutorial, target)
    assert {table.table for table in report.tables} == cdm_tables().keys()
    assert all(table.study == table.database == tutorial.table(table.table).height for table in report.tables)
    assert sum(table.study for table in report.tables) > 70_000


def test_a_demo_study_with_notes_is_the_same_cell_by_cell(demo_study: Path, target: Target) -> None:
    study = open_study(demo_study)
    report = study.publish(target.url, schema="omop")
    assert_same_cells(study, target, schema="omop")
    assert (report.schema, report.replaced, report.put_aside) == ("omop", False, ())


def test_columns_have_the_types_of_the_specification_and_text_no_length(published_tutorial: tuple[Target, PublishReport]) -> None:
    target, _ = published_tutorial
    query = """
        SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
        WHERE table_schema = 'cdm' ORDER BY table_name, ordinal_position
    """
    expected = [
        (t.name, f.name, TYPES[f.base_type], "NO" if f.required else "YES") for t in sorted(cdm_tables().values(), key=lambda t: t.name) for f in t.fields
    ]
    assert target.rows(query) == expected


def test_nothing_but_the_cdm_is_published(published_tutorial: tuple[Target, PublishReport]) -> None:
    target, _ = published_tutorial
    assert target.schemas() == ["cdm"]
    tables = target.rows("SELECT relname FROM pg_class WHERE relnamespace = 'cdm'::regnamespace AND relkind = 'r'")
    assert {name for (name,) in tables} == cdm_tables().keys()


def test_the_keys_left_out_are_those_with_missing_values(tutorial: Study, published_tutorial: tuple[Target, PublishReport]) -> None:
    target, report = published_tutorial
    con = tutorial.connect()
    expected = {}
    for table, column, pointed_at, key in FOREIGN_KEYS:
        values = [value for (value,) in con.execute(f'SELECT "{column}" FROM cdm.{table} WHERE "{column}" IS NOT NULL').fetchall()]
        missing = set(values) - {value for (value,) in con.execute(f'SELECT "{key}" FROM cdm.{pointed_at}').fetchall()}
        if missing:
            expected[table, column] = (f"{pointed_at}.{key}", sum(value in missing for value in values), len(missing), tuple(sorted(missing)[:5]))
    assert {(key.table, key.column): (key.references, key.rows, key.missing, key.first) for key in report.keys_left_out} == expected
    assert ("visit_occurrence", "visit_concept_id") in expected
    left_out = {f"fpk_{table}_{column}" for table, column in expected}
    assert constraints(target, "f") == named(keys_ddl("postgresql"), r"CONSTRAINT (\w+) FOREIGN") - left_out
    assert report.foreign_keys == len(constraints(target, "f")) == 189 - len(expected)


def test_primary_keys_and_indices_are_those_of_the_schema(published_tutorial: tuple[Target, PublishReport]) -> None:
    target, report = published_tutorial
    primary = named(keys_ddl("postgresql"), r"CONSTRAINT (\w+) PRIMARY")
    indices = named(indices_ddl("postgresql"), r"CREATE INDEX (\w+)")
    assert constraints(target, "p") == primary
    assert {name for (name,) in target.rows("SELECT indexname FROM pg_indexes WHERE schemaname = 'cdm'")} == primary | indices
    assert (report.primary_keys, report.indices) == (len(primary), len(indices)) == (33, 96)
    analyzed = target.rows("SELECT count(DISTINCT tablename) FROM pg_stats WHERE schemaname = 'cdm'")
    assert analyzed == [(sum(table.study > 0 for table in report.tables),)]


def test_all_keys_of_a_full_vocabulary_hold(tutorial: Study, target: Target) -> None:
    report = completed(tutorial).publish(target.url)
    assert report.keys_left_out == ()
    assert report.foreign_keys == len(constraints(target, "f")) == 189
    assert constraints(target, "f") == named(keys_ddl("postgresql"), r"CONSTRAINT (\w+) FOREIGN")


def test_a_key_of_patients_that_does_not_hold_shows_no_id(little: Callable[..., Little], target: Target) -> None:
    rows = Rows()
    rows["note"] = [{"note_id": number, "person_id": 1, "visit_occurrence_id": 987_654 + number, "language_concept_id": 4_180_186} for number in range(3)]
    report = little(rows).publish(target)
    assert [(key.column, key.rows, key.missing, key.first) for key in report.keys_left_out] == [
        ("language_concept_id", 3, 1, (4_180_186,)),
        ("visit_occurrence_id", 3, 3, ()),
    ]


# Every value arrives as it is

TEXTS = [
    "",
    " ",
    "\\N",
    "\\.",
    "\\",
    "\\\\n",
    "N\\A",
    "NULL",
    '"',
    '""quoted""',
    "it's, a; |test|",
    "tab\tand\ttab",
    "line\nbreak",
    "carriage\r\nreturn\r",
    "\n",
    "\r",
    "first\n\\.\nlast",
    "a\\\nb",
    "Ärztin, naïve, 東京, مرحبا",
    "emoji 👩🏽‍⚕️ and a\u0301ccent",
    "\u2028\u0085\ufeff\x01\x1f\x7f",
    "x" * 3_000_000,
    None,
]
DOUBLES = [0.0, -0.0, 0.1, 1 / 3, 1e22, 1.5e300, 5e-324, sys.float_info.max, sys.float_info.min, 9_007_199_254_740_993.0, math.inf, -math.inf, math.nan, None]
TIMES = [
    datetime(1, 1, 1),  # noqa: DTZ001 - OMOP's times have no zone
    datetime(1582, 10, 10, 1, 2, 3),  # noqa: DTZ001
    datetime(1969, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    datetime(2024, 2, 29, 12, 0, 0, 1),  # noqa: DTZ001
    datetime(2024, 2, 29, 12, 0, 0, 120_000),  # noqa: DTZ001
    datetime(9999, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    None,
]
DATES = [date(1, 1, 1), date(1582, 10, 10), date(1900, 2, 28), date(2000, 2, 29), date(9999, 12, 31)]


def test_text_doubles_and_times_arrive_as_they_are(little: Callable[..., Little], target: Target) -> None:
    draw = random.Random(20_240_229)
    doubles = DOUBLES + [value for (value,) in struct.iter_unpack("d", draw.randbytes(8 * 300))]
    integers = [0, -1, 2**63 - 1, -(2**63), None]
    rows = Rows()
    rows["note"] = [
        {"note_id": number, "person_id": 1, "note_text": text or "", "note_title": text, "note_date": DATES[number % len(DATES)]}
        for number, text in enumerate(TEXTS)
    ]
    rows["measurement"] = [
        {
            "measurement_id": number,
            "person_id": 1,
            "value_as_number": value,
            "measurement_datetime": TIMES[number % len(TIMES)],
            "measurement_event_id": integers[number % len(integers)],
        }
        for number, value in enumerate(doubles)
    ]
    study = little(rows)
    study.publish(target)
    assert_same_cells(Study(study.path, study.version), target)
    assert target.rows("SELECT note_title, note_text FROM cdm.note ORDER BY note_id") == [(text, text or "") for text in TEXTS]
    got = [value for (value,) in target.rows("SELECT value_as_number FROM cdm.measurement ORDER BY measurement_id")]
    assert [None if value is None else struct.pack("d", value) for value in got if value == value] == [  # noqa: PLR0124 - NaN has many spellings
        None if value is None else struct.pack("d", value)
        for value in doubles
        if value == value  # noqa: PLR0124
    ]
    assert sum(value is not None and math.isnan(value) for value in got) == sum(value is not None and math.isnan(value) for value in doubles)
