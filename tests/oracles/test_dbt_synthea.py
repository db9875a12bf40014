"""dbt-synthea's 27 patients: every record and column has a fate, and the CDM does not depend on how the work was done."""

from __future__ import annotations

import csv
import hashlib
import random
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import plait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

RAW = "synthea/dbt-27/raw"
SHAPES = {
    "allergies": {"event"},
    "careplans": {"event"},
    "claims": {"cost"},
    "claims_transactions": {"cost"},
    "conditions": {"event"},
    "devices": {"event"},
    "encounters": {"cost", "death", "visit"},
    "imaging_studies": {"event"},
    "immunizations": {"cost", "event"},
    "medications": {"cost", "event"},
    "observations": {"event"},
    "organizations": {"care_site", "location"},
    "patients": {"death", "location", "person"},
    "payer_transitions": {"payer_period"},
    "payers": {"none"},
    "procedures": {"cost", "event"},
    "providers": {"provider"},
    "supplies": {"event"},
}
EVENTS = {
    "condition_occurrence": ("condition", "condition_start_date"),
    "procedure_occurrence": ("procedure", "procedure_date"),
    "drug_exposure": ("drug", "drug_exposure_start_date"),
    "measurement": ("measurement", "measurement_date"),
    "observation": ("observation", "observation_date"),
    "device_exposure": ("device", "device_exposure_start_date"),
}
_FACTS = " UNION ALL ".join(
    f"SELECT '{table}' AS table_name, {table}_id AS row_id, person_id, {kind}_source_value AS code, {kind}_concept_id AS concept_id, {date} AS on_day"
    f" FROM cdm.{table}"
    for table, (kind, date) in EVENTS.items()
)
FOUND = f"""
    SELECT DISTINCT l.record, p.person_source_value, f.code, CAST(f.on_day AS VARCHAR)
    FROM plait.lineage AS l
    INNER JOIN plait.files AS i USING (file_id)
    INNER JOIN ({_FACTS}) AS f ON f.table_name = l.table_name AND f.row_id = l.row_id
    INNER JOIN cdm.person AS p ON p.person_id = f.person_id
    WHERE i.file = $file AND l.shape = 'event' AND l.role = 'loaded'
"""
"""The event rows of a file, by its records."""


@pytest.fixture(scope="module")
def raw(shared: Path) -> dict[str, list[dict[str, str]]]:
    """The records of every file, read with Python's csv module."""
    files = {}
    for file in sorted((shared / "data" / RAW).glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            files[file.stem] = list(csv.DictReader(handle))
    return files


@pytest.fixture(scope="module")
def study(make_study: Callable[..., Path]) -> Path:
    """The study, run once; not to be changed."""
    return make_study(RAW, "merged")


@pytest.fixture(scope="module")
def con(study: Path) -> duckdb.DuckDBPyConnection:
    return plait.open(study).connect()


def test_ledger_is_exact(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    ledger = {
        (file, shape): fates
        for file, shape, *fates in con.execute('SELECT file, shape, "read", loaded, merged, rejected, "ignored" FROM plait.ledger').fetchall()
    }
    lines = {(record["CLAIMID"], record["PROCEDURECODE"]) for record in raw["claims_transactions"]}
    certificates = sum(record["CODE"] == "308646001" for record in raw["encounters"])
    deaths = sum(record["DEATHDATE"] != "" for record in raw["patients"])
    expected = {(file, shape): [len(raw[file]), len(raw[file]), 0, 0, 0] for file, shapes in SHAPES.items() for shape in shapes}
    for key, merged, ignored in (
        (("claims", "cost"), len(raw["claims"]), 0),
        (("claims_transactions", "cost"), len(raw["claims_transactions"]) - len(lines), 0),
        (("encounters", "death"), certificates, len(raw["encounters"]) - certificates),
        (("patients", "death"), 0, len(raw["patients"]) - deaths),
        (("payers", "none"), 0, len(raw["payers"])),
    ):
        expected[key] = [len(raw[key[0]]), len(raw[key[0]]) - merged - ignored, merged, 0, ignored]
    assert len(raw) == 18
    assert ledger == expected


def test_files_are_counted(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    assert dict(con.execute("SELECT file, records FROM plait.files").fetchall()) == {file: len(records) for file, records in raw.items()}


def test_no_column_is_without_a_fate(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    fates = con.execute('SELECT file, "column", fate FROM plait.columns').fetchall()
    assert sorted((file, column) for file, column, _ in fates) == sorted((file, column) for file, records in raw.items() for column in records[0])
    assert {fate for *_, fate in fates} == {"read", "ignored"}


@pytest.mark.parametrize(
    ("file", "day", "records"), [("conditions", "START", 438), ("observations", "DATE", 990), ("procedures", "START", 249), ("immunizations", "DATE", 29)]
)
def test_every_record_is_found_in_the_cdm(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]], file: str, day: str, records: int) -> None:
    expected = {(number, record["PATIENT"], record["CODE"], record[day][:10]) for number, record in enumerate(raw[file], 1)}
    assert len(expected) == records
    assert set(con.execute(FOUND, {"file": file}).fetchall()) == expected


def test_every_allergy_and_reaction_is_found_in_the_cdm(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    expected = {
        (number, record["PATIENT"], record[column], record["START"][:10])
        for number, record in enumerate(raw["allergies"], 1)
        for column in ("CODE", "REACTION1", "REACTION2")
        if record[column]
    }
    assert {number for number, *_ in expected} == set(range(1, 41))
    assert set(con.execute(FOUND, {"file": "allergies"}).fetchall()) == expected


def test_what_inner_joins_lose_is_kept(
    con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]], conventions: Callable[..., dict[str, int]]
) -> None:
    con.execute("CREATE OR REPLACE TEMP TABLE allergy (record BIGINT, system VARCHAR)")
    con.executemany("INSERT INTO allergy VALUES (?, ?)", [(number, record["SYSTEM"]) for number, record in enumerate(raw["allergies"], 1)])
    # dbt-synthea joins the vocabulary map by INNER JOIN: a code without a standard concept is gone, and so is an allergy coded in RxNorm
    lost = con.execute(f"""
        SELECT i.file, count(DISTINCT l.record)
        FROM plait.lineage AS l
        INNER JOIN plait.files AS i USING (file_id)
        INNER JOIN ({_FACTS}) AS f ON f.table_name = l.table_name AND f.row_id = l.row_id
        LEFT JOIN allergy AS a ON i.file = 'allergies' AND a.record = l.record
        WHERE l.shape = 'event' AND CASE i.file WHEN 'allergies' THEN a.system = 'RxNorm' ELSE f.concept_id = 0 END
            AND i.file IN ('allergies', 'conditions', 'immunizations', 'observations', 'procedures')
        GROUP BY ALL
    """).fetchall()
    assert dict(lost) == {"conditions": 4, "observations": 75, "procedures": 2, "immunizations": 1, "allergies": 3}
    assert dict(lost) == conventions("What dbt-synthea loses")


def test_claims_add_up(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    expected: dict[str, dict[str, Decimal]] = {record["Id"]: defaultdict(Decimal) for record in raw["claims"]}
    for record in raw["claims_transactions"]:
        claim = expected[record["CLAIMID"]]
        if record["TYPE"] == "CHARGE":
            claim["total_charge"] += Decimal(record["AMOUNT"])
        elif record["TYPE"] == "PAYMENT":
            payment = Decimal(record["PAYMENTS"])
            claim["total_paid"] += payment
            claim["paid_by_payer" if record["METHOD"] == "ECHECK" else "paid_by_patient"] += payment
            if record["METHOD"] == "COPAY":
                claim["paid_patient_copay"] += payment
    columns = ["total_charge", "total_paid", "paid_by_payer", "paid_by_patient", "paid_patient_copay"]
    lines = con.execute(f"""
        SELECT DISTINCT ON (c.cost_id) l.record, {", ".join(f"CAST(c.{column} AS DECIMAL(18, 4))" for column in columns)}
        FROM cdm.cost AS c
        INNER JOIN plait.lineage AS l ON l.table_name = 'cost' AND l.row_id = c.cost_id
        INNER JOIN plait.files AS i USING (file_id)
        WHERE i.file = 'claims_transactions'
    """).fetchall()
    found: dict[str, dict[str, Decimal]] = {claim: defaultdict(Decimal) for claim in expected}
    for number, *amounts in lines:
        claim = found[raw["claims_transactions"][number - 1]["CLAIMID"]]
        for column, amount in zip(columns, amounts, strict=True):
            claim[column] += amount or Decimal()
    assert len(lines) == 1545
    assert {claim: [sums[column] for column in columns] for claim, sums in found.items()} == {
        claim: [sums[column] for column in columns] for claim, sums in expected.items()
    }
    assert sum(sums["total_charge"] for sums in expected.values()) == Decimal("1092402.73")


@pytest.mark.parametrize(
    ("file", "charge", "payer"),
    [
        ("encounters", "TOTAL_CLAIM_COST", "PAYER_COVERAGE"),
        ("medications", "TOTALCOST", "PAYER_COVERAGE"),
        ("procedures", "BASE_COST", None),
        ("immunizations", "BASE_COST", None),
    ],
)
def test_totals_are_those_of_their_records(
    con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]], file: str, charge: str, payer: str | None
) -> None:
    found = con.execute(
        """
        SELECT l.record, CAST(c.total_charge AS DECIMAL(18, 4)), CAST(c.paid_by_payer AS DECIMAL(18, 4))
        FROM cdm.cost AS c
        INNER JOIN plait.lineage AS l ON l.table_name = 'cost' AND l.row_id = c.cost_id
        INNER JOIN plait.files AS i USING (file_id)
        WHERE i.file = $file
        """,
        {"file": file},
    ).fetchall()
    assert sorted(found) == [(number, Decimal(record[charge]), Decimal(record[payer]) if payer else None) for number, record in enumerate(raw[file], 1)]


def test_measurements_keep_value_and_unit(con: duckdb.DuckDBPyConnection, raw: dict[str, list[dict[str, str]]]) -> None:
    rows = con.execute("""
        SELECT l.record, m.value_as_number, m.unit_source_value, m.value_source_value
        FROM cdm.measurement AS m
        INNER JOIN plait.lineage AS l ON l.table_name = 'measurement' AND l.row_id = m.measurement_id
        INNER JOIN plait.files AS i USING (file_id)
        WHERE i.file = 'observations'
        UNION ALL
        SELECT l.record, o.value_as_number, o.unit_source_value, o.value_source_value
        FROM cdm.observation AS o
        INNER JOIN plait.lineage AS l ON l.table_name = 'observation' AND l.row_id = o.observation_id
        INNER JOIN plait.files AS i USING (file_id)
        WHERE i.file = 'observations'
    """).fetchall()
    expected = {
        number: (
            float(record["VALUE"]) if record["TYPE"] == "numeric" else None,
            record["UNITS"] if record["UNITS"] not in {"", "null"} else None,
            record["VALUE"],
        )
        for number, record in enumerate(raw["observations"], 1)
    }
    assert {number for number, *_ in rows} == set(expected)
    assert [row for row in rows if tuple(row[1:]) != expected[row[0]]] == []


def compare(left: Path, right: Path, *, books: bool) -> dict[str, Any]:
    """Give, for each table of two studies that differs, how many rows only the one and only the other has."""
    con = plait.open(left).connect()
    con.execute(f"ATTACH '{right / 'warehouse' / 'study.duckdb'}' AS other (READ_ONLY)")
    tables = [f"cdm.{row[0]}" for row in con.execute("SELECT view_name FROM duckdb_views() WHERE database_name = 'other' AND schema_name = 'cdm'").fetchall()]
    assert len(tables) > 30
    tables += (
        ["plait.ledger", "plait.study_map", "plait.row_meta", "plait.lineage", "plait.columns", "plait.notices"]
        if books
        else ["plait.row_meta", "plait.study_map"]
    )
    found = {}
    for table in sorted(tables):
        columns = "* EXCLUDE (source_release_date, cdm_release_date)" if table == "cdm.cdm_source" else "*"
        sides = f"SELECT {columns} FROM memory.{table}", f"SELECT {columns} FROM other.{table}"
        only = [con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {two})").fetchone() for one, two in (sides, sides[::-1])]
        if only != [(0,), (0,)]:
            found[table] = only
    return found


@pytest.mark.long
@pytest.mark.parametrize("change", [{}, {"threads": 1}, {"shard_persons": 5}], ids=["again", "one_thread", "small_shards"])
def test_tables_do_not_depend_on_how_they_were_made(study: Path, make_study: Callable[..., Path], change: dict[str, int]) -> None:
    assert compare(study, make_study(RAW, "merged", **change), books=True) == {}


@pytest.mark.long
def test_tables_do_not_depend_on_the_order_of_records(study: Path, shared: Path, make_study: Callable[..., Path], tmp_path: Path) -> None:
    shuffle = random.Random(20)
    for file in sorted((shared / "data" / RAW).glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            header, *records = list(csv.reader(handle))
        before = Counter(map(tuple, records))
        shuffle.shuffle(records)
        assert Counter(map(tuple, records)) == before
        with (tmp_path / file.name).open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *records])
    assert compare(study, make_study(tmp_path, "merged"), books=False) == {}


def fingerprint(folder: Path) -> dict[str, tuple[int, str]]:
    """Give the time of writing and the content of every file, but for the lock, in which each run signs."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files}


def test_a_rerun_on_unchanged_input_writes_nothing(study: Path, command: Callable[..., Any]) -> None:
    before = fingerprint(study)
    done = command("etl", "run", "-s", study)
    assert done.code == 0
    assert "Nothing has changed since run 1 (version 1); nothing was written." in done.out + done.err
    assert fingerprint(study) == before
