"""How many rows a second `plait publish` writes, beside a bare COPY of the same rows from CSV files that are there already.

The study is synthetic: persons, their measurements, and a note each. Both sides run in turn on a server of their own (Debian's PostgreSQL);
the bare side has its CSV files for free and makes no key, index or count. The target for the copying is a ratio of at most 1.5.

    python benchmarks/publish.py --persons 20000 --measurements 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "publish"))

from little_study import version_of
from postgres_server import Target, programs, running_server

from plait.duck import connect, write_parquet
from plait.etl.catalog import open_catalog
from plait.etl.commit import Version, warehouse_of
from plait.etl.publish import PublishReport, publish
from plait.schema import cdm_tables, ddl

_ROWS = {
    "concept": """
        SELECT 0 AS concept_id, 'No matching concept' AS concept_name, 'D' AS domain_id, 'V' AS vocabulary_id, 'C' AS concept_class_id,
            '0' AS concept_code, DATE '1970-01-01' AS valid_start_date, DATE '2099-12-31' AS valid_end_date
    """,
    "domain": "SELECT 'D' AS domain_id, 'D' AS domain_name, 0 AS domain_concept_id",
    "vocabulary": "SELECT 'V' AS vocabulary_id, 'V' AS vocabulary_name, 0 AS vocabulary_concept_id",
    "concept_class": "SELECT 'C' AS concept_class_id, 'C' AS concept_class_name, 0 AS concept_class_concept_id",
    "person": """
        SELECT i AS person_id, 0 AS gender_concept_id, 1950 AS year_of_birth, 0 AS race_concept_id, 0 AS ethnicity_concept_id,
            md5(CAST(i AS VARCHAR)) AS person_source_value
        FROM range($persons) AS numbers (i)
    """,
    "measurement": """
        SELECT i // $each * 4194304 + i % $each AS measurement_id, i // $each AS person_id, 0 AS measurement_concept_id,
            DATE '2015-01-01' + CAST(i % 3000 AS INTEGER) AS measurement_date,
            TIMESTAMP '2015-01-01 08:00:00' + to_minutes(i % 4000000) AS measurement_datetime, 0 AS measurement_type_concept_id,
            (i * 7919 % 100003) / 97 AS value_as_number, 0 AS unit_concept_id, 'code-' || (i % 900) AS measurement_source_value,
            0 AS measurement_source_concept_id, 'mg/dL' AS unit_source_value
        FROM range($persons * $each) AS numbers (i)
    """,
    "note": """
        SELECT i * 4194304 AS note_id, i AS person_id, DATE '2020-01-01' AS note_date, 0 AS note_type_concept_id, 0 AS note_class_concept_id,
            repeat('The patient says "better".' || chr(10) || chr(9) || 'Follow-up in 3 weeks. ', 40) AS note_text,
            0 AS encoding_concept_id, 0 AS language_concept_id
        FROM range($persons) AS numbers (i)
    """,
}


def make_study(folder: Path, *, persons: int, measurements: int) -> Version:
    """Write a synthetic CDM and give its version."""
    files: dict[str, list[str]] = {}
    with connect() as con:
        for statement in ddl("duckdb"):
            con.execute(statement)
        for table, query in _ROWS.items():
            values = {name: value for name, value in (("persons", persons), ("each", measurements)) if f"${name}" in query}
            con.execute(f"INSERT INTO cdm.{table} BY NAME {query}", values)
            files[table] = [f"cdm/{table}/1.parquet"]
            write_parquet(con, f"FROM cdm.{table}", warehouse_of(folder) / files[table][0])
    return version_of(1, files)


def write_csv(study: Path, version: Version, folder: Path) -> None:
    """Write the tables with rows as CSV files, as somebody would who loads them with psql."""
    with open_catalog(study, version) as con:
        for table in version.tables["cdm"]:
            con.execute(f"COPY cdm.{table} TO '{folder / table}.csv' (FORMAT csv, HEADER false)")


def bare_copy(target: Target, folder: Path) -> float:
    """Copy the CSV files into bare tables in one transaction, and give the seconds that copying took."""
    with target.connected() as con, con.transaction():
        for statement in ddl("postgresql", schemas={"cdm": "bare"}):
            con.execute(statement.encode())
        begin = time.perf_counter()
        for file in sorted(folder.glob("*.csv")):
            columns = ", ".join(f'"{column}"' for column in cdm_tables()[file.stem].columns)
            with file.open("rb") as blocks, con.cursor().copy(f"COPY bare.{file.stem} ({columns}) FROM STDIN (FORMAT csv)".encode()) as copy:
                while block := blocks.read(1 << 20):
                    copy.write(block)
        return time.perf_counter() - begin


def plait_publish(target: Target, study: Path, version: Version) -> tuple[float, float, PublishReport]:
    """Publish the study, and give the seconds that copying took, those of everything, and the report."""
    blocks: list[float] = []

    def listen(step: str, rows: int) -> None:
        if step == "publishing" and rows:
            blocks.append(time.perf_counter())

    begin = time.perf_counter()
    report = publish(study, version, target.url, progress=listen)
    return blocks[-1] - blocks[0], time.perf_counter() - begin, report


def main() -> None:
    """Make the study, time both sides in turn, and print rows per second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--measurements", type=int, default=100, help="per person")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    binaries = programs()
    if binaries is None:
        print("PostgreSQL's initdb is not here: nothing was measured.")
        return
    with tempfile.TemporaryDirectory() as name, running_server(binaries) as server:
        study = Path(name)
        (csv := study / "csv").mkdir()
        version = make_study(study, persons=arguments.persons, measurements=arguments.measurements)
        write_csv(study, version, csv)
        with server.connect() as con:
            con.execute("CREATE DATABASE omop")
        target = Target(server, "omop")
        bare, copied, whole = [], [], []
        for number in range(arguments.rounds):
            bare.append(bare_copy(target, csv))
            target.do("DROP SCHEMA bare CASCADE")
            copying, everything, report = plait_publish(target, study, version)
            copied.append(copying)
            whole.append(everything)
            print(f"round {number + 1}: bare copy {bare[-1]:.2f} s; plait copies in {copying:.2f} s, with checks, keys and indices {everything:.2f} s")
        rows = sum(table.database for table in report.tables)
        megabytes = sum(path.stat().st_size for path in csv.iterdir()) / 1e6
        print(f"{rows:,} rows, {megabytes:,.0f} MB as CSV; {report.foreign_keys} foreign keys, {report.indices} indices")
        for what, seconds in (("bare copy", bare), ("plait's copying", copied), ("plait in all", whole)):
            print(f"{what}: {rows / min(seconds):,.0f} rows/s")
        print(f"copying, ratio to bare: {min(copied) / min(bare):.2f}")


if __name__ == "__main__":
    main()
